/** No change of the tables: an answer may have decided prompts that are not in in/ yet (spool/enqueue.ts), which an older docket would leave behind. */
export const children = '';
