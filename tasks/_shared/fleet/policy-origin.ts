/** Which file a boundary policy came from: what plan, report and ledger call it by. */
export interface PolicyOrigin {
  /** As the input names it. */
  readonly path: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  /** The commit that is checked out where the file lies; absent where no Git repository tells. */
  readonly commit?: string;
}
