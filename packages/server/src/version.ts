/**
 * What the server says it is. Clients compare the leading numbers with ZooKeeper's versions to know which operations
 * there are: everything up to 3.9 is spoken here.
 */
export const serverVersion = "3.9.3-corral-0.1.0";
