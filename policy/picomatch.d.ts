/** What docket uses of picomatch 4 (it ships no types): https://github.com/micromatch/picomatch. */
declare module 'picomatch' {
  type Options = { readonly dot?: boolean; readonly nocase?: boolean; readonly strictSlashes?: boolean };
  type Scanned = { readonly base: string; readonly glob: string; readonly isGlob: boolean };
  function picomatch(glob: string, options?: Options): (text: string) => boolean;
  namespace picomatch {
    function scan(glob: string, options?: Options): Scanned;
  }
  export default picomatch;
}
