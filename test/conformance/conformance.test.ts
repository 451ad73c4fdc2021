/**
 * What clients may rely on, line by line: on our server, and on Apache ZooKeeper, which proves that the lines are so. All
 * sections in one file, so that they share their servers. One of them: `-t "D\."`; one server: `-t "Apache"`.
 */
import "./lines/a-create.ts";
import "./lines/b-stat.ts";
import "./lines/c-reads.ts";
import "./lines/d-watches.ts";
import "./lines/e-sessions.ts";
import "./lines/f-order.ts";
import "./lines/g-multi.ts";
import "./lines/h-limits.ts";
import "./lines/i-access.ts";
import "./lines/j-lifetimes.ts";
import "./lines/k-closing.ts";
import "./lines/s-surprises.ts";
import { declareSlow } from "./servers/on-both.ts";

declareSlow();
