/** What can come of waiting for something and of holding it: the client's, for a guarded transaction says the same. */
export {
  type GrantLossReason,
  GrantLostError,
  isGrantLostError,
  isWaitTimeoutError,
  WaitTimeoutError,
} from "@corral/client";
