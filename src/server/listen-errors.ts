import { codeOf } from '../lib/error-facts.js'

/** Where a server listens, and the settings that say so. */
interface ListenAddress {
  host: string
  port: number
  names: { host: string; port: string }
}

/** @throws Error that tells an operator which setting to correct */
export async function listenAt<Result>(listen: () => Promise<Result>, address: ListenAddress): Promise<Result> {
  try {
    return await listen()
  } catch (error) {
    const sentence = LISTEN_ERRORS[codeOf(error)]
    throw sentence === undefined ? error : new Error(sentence(address), { cause: error })
  }
}

const LISTEN_ERRORS: Partial<Record<string, (address: ListenAddress) => string>> = {
  EADDRINUSE: ({ host, port, names }) =>
    `Port ${port} of ${host} is in use: stop the program that uses it, or set ${names.port} to another port.`,
  EACCES: ({ port, names }) =>
    `This user is not allowed to listen on port ${port}: set ${names.port} to a port above 1023.`,
  EADDRNOTAVAIL: ({ host, names }) => `${host} is not an address of this machine: correct ${names.host}.`,
  ENOTFOUND: ({ host, names }) => `${host} is not a known host name: correct ${names.host}.`,
}
