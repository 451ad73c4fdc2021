/** The configurations that several scripts of this directory share. */
import { z } from "zod";

/** What many edit: how many edits it is made of, twice that, and of whom they are. */
export const edited = {
  path: "/edited",
  options: {
    schema: z.object({ count: z.number(), twice: z.number(), by: z.record(z.string(), z.number()) }),
    defaults: { count: 0, twice: 0, by: {} },
  },
};

/** What all must agree to: the name of a change, and the role that refuses it. */
export const agreed = {
  path: "/agreed",
  options: {
    schema: z.object({ tag: z.string(), refusedBy: z.string() }),
    defaults: { tag: "", refusedBy: "" },
    keep: 1_000,
  },
};
