import { readPostgresUrl } from '../../config/postgres-url.js'
import { type ConnectionOptions, namesPooler, type Route } from './client-options.js'
import { createPrimaryLocator } from './primary.js'

/** The route by the settings and the address. */
export function expectedRoute(options: Pick<ConnectionOptions, 'url' | 'prepare' | 'caFile' | 'timeoutMs'>): Route {
  return { isPooled: namesPooler(options), primary: locatorFor(options) }
}

/** Undefined if the address names one server and does not require that it is the primary. */
export function locatorFor(options: Pick<ConnectionOptions, 'url' | 'caFile' | 'timeoutMs'>) {
  const { places, socket, targetSessionAttrs } = readPostgresUrl(options.url)
  const isNeeded = socket === undefined && (places.length > 1 || targetSessionAttrs !== undefined)
  return isNeeded ? createPrimaryLocator(options) : undefined
}
