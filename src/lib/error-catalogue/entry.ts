/** An error of the catalogue. `docs/errors.md` is made from all four fields. */
export interface CatalogueEntry {
  /** The HTTP status. */
  readonly status: number
  /** What went wrong, in one sentence for people. It is sent as `title`. */
  readonly title: string
  /** When it occurs. In Markdown, for the documentation only. */
  readonly when: string
  /** What a client does. In Markdown, for the documentation only. */
  readonly action: string
}

/** Codes with their errors. */
export type CatalogueGroup = Readonly<Record<string, CatalogueEntry>>
