import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Reader, type Response } from 'maxmind'
import { ConfigError } from '../config/config.js'
import { codeOf, messageOf } from './error-facts.js'
import type { Log } from './log.js'

/** Where an address is, as well as a database of addresses can know it. */
export interface Location {
  /** ISO 3166-1 alpha-2, so that a form can write it in its own language. */
  country: string
  /** In English. */
  city?: string
}

/** Looks an address up; undefined if nobody knows. */
export type Locate = (ip: string | undefined) => Location | undefined

/**
 * Opens the database of locations that an operator mounts, a file in MaxMind's format (`.mmdb`) by any maker. It is
 * read into memory once: a look-up is a walk of microseconds through it, and never fails a request.
 *
 * @throws ConfigError that names LOCATION_DATABASE when the file is missing or damaged
 */
export async function openLocationDatabase(path: string | undefined, log: Log): Promise<Locate> {
  if (path === undefined) return () => undefined
  const reader = await open(path)
  const { databaseType, buildEpoch, ipVersion } = reader.metadata
  log.info(`locations come from ${databaseType} of ${buildEpoch.toISOString().slice(0, 10)}`)

  let isHealthy = true
  return ip => {
    if (ip === undefined || !ipaddr.isValid(ip)) return undefined
    // An IPv4 address in IPv6 clothes is the IPv4 address.
    const address = ipaddr.process(ip).toString()
    // A tree of IPv4 addresses would take the first half of an IPv6 address for one.
    if (ipVersion === 4 && isIPv6(address)) return undefined
    try {
      return locationIn(reader.get(address))
    } catch (error) {
      if (isHealthy) log.error(`LOCATION_DATABASE is damaged at an address: ${messageOf(error)}`)
      isHealthy = false
      return undefined
    }
  }
}

/** What makers of such files call the two things that we look for. */
interface Entry {
  /** MaxMind and DB-IP have an object, IPinfo the code. */
  country?: { iso_code?: unknown } | string | null
  country_code?: unknown
  city?: { names?: { en?: unknown } } | string | null
}

function locationIn(entry: Entry | null): Location | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const { country, city } = entry
  const code = entry.country_code ?? (typeof country === 'string' ? country : country?.iso_code)
  if (typeof code !== 'string' || !/^[A-Z]{2}$/.test(code)) return undefined
  const name = typeof city === 'string' ? city : city?.names?.en
  return { country: code, ...(typeof name === 'string' && name !== '' && { city: name }) }
}

async function open(path: string): Promise<Reader<Entry & Response>> {
  const file = await readFile(path).catch(error => {
    throw refusal(`could not be read (${codeOf(error)})`, path)
  })
  try {
    const reader = new Reader<Entry & Response>(file)
    assertWhole(file, reader)
    return reader
  } catch {
    throw refusal('is not one, or is damaged', path)
  }
}

const SEPARATOR_BYTES = 16

/** A file that was cut or overwritten says so here, and not at somebody's sign-in. */
function assertWhole(file: Buffer, reader: Reader<Entry & Response>): void {
  const { binaryFormatMajorVersion, ipVersion, searchTreeSize } = reader.metadata
  if (binaryFormatMajorVersion !== 2 || (ipVersion !== 4 && ipVersion !== 6)) throw new Error('another format')
  const separator = file.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES)
  if (separator.length < SEPARATOR_BYTES || separator.some(byte => byte !== 0)) throw new Error('no whole tree')
  for (let network = 1; network < 224; network++) locationIn(reader.get(`${network}.0.0.1`))
}

function refusal(problem: string, path: string): ConfigError {
  return new ConfigError([`LOCATION_DATABASE must be the path of a MaxMind DB file (.mmdb): "${path}" ${problem}.`])
}
