/** Where an address is, as well as a database of addresses can know it. */
export interface Location {
  /** ISO 3166-1 alpha-2, so that a form can write it in its own language. */
  country: string
  /** In English. */
  city?: string
}

/** Looks an address up; undefined if nobody knows. */
export type Locate = (ip: string | undefined) => Location | undefined
