/** Typed, live, versioned configuration in the tree. */
export { connect } from "@corral/client";
