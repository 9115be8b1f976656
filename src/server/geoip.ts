import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { Reader, type Response } from 'maxmind'
import { ConfigError } from '../config/config.js'
import type { Locate, Location } from '../domain/context.js'
import { codeOf, messageOf } from '../lib/error-facts.js'
import { ipAddressForm } from '../lib/ip-address.js'
import type { Log } from '../lib/log.js'

/**
 * Opens the location database of the operator, a file in MaxMind's format (`.mmdb`). It is read into memory once: a
 * look-up takes microseconds and never fails a request.
 *
 * @throws ConfigError that names LOCATION_DATABASE if the file is missing or damaged
 */
export async function openLocationDatabase(path: string | undefined, log: Log): Promise<Locate> {
  if (path === undefined) return () => undefined
  const reader = await open(path)
  const { databaseType, buildEpoch, ipVersion } = reader.metadata
  log.info(`locations come from ${databaseType} of ${buildEpoch.toISOString().slice(0, 10)}`)

  let isHealthy = true
  return ip => {
    // An IPv4 address in IPv6 form is the IPv4 address.
    const address = ipAddressForm(ip)
    if (address === undefined) return undefined
    // In a tree of IPv4 addresses, the first 32 bits of an IPv6 address would be looked up.
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

/** The names of country and city in the files of different providers. */
interface Entry {
  /** An object in files of MaxMind and DB-IP, the code in those of IPinfo. */
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
    throw refusal(`cannot be read (${codeOf(error)})`, path)
  })
  try {
    const reader = new Reader<Entry & Response>(file)
    assertComplete(file, reader)
    return reader
  } catch {
    throw refusal('is not such a file, or is damaged', path)
  }
}

const SEPARATOR_BYTES = 16

/** Finds a truncated or overwritten file at start instead of at a sign-in. */
function assertComplete(file: Buffer, reader: Reader<Entry & Response>): void {
  const { binaryFormatMajorVersion, ipVersion, searchTreeSize } = reader.metadata
  if (binaryFormatMajorVersion !== 2 || (ipVersion !== 4 && ipVersion !== 6)) throw new Error('unsupported format')
  const separator = file.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES)
  if (separator.length < SEPARATOR_BYTES || separator.some(byte => byte !== 0)) throw new Error('incomplete tree')
  for (let network = 1; network < 224; network++) locationIn(reader.get(`${network}.0.0.1`))
}

function refusal(problem: string, path: string): ConfigError {
  return new ConfigError([`LOCATION_DATABASE must be the path of a MaxMind DB file (.mmdb): "${path}" ${problem}.`])
}
