import type { Device, Session } from '@latchkey/client'
import * as texts from './texts/en.js'

/** `Firefox on Windows`. */
export function deviceWords(device: Device | null): string {
  const { browser, os } = device ?? {}
  if (browser && os) return texts.device(browser, os)
  return browser || os || texts.unknownDevice
}

/** `Lyon, France`, with the name of the country in the language of the page. */
export function placeWords(location: Session['location'] | undefined): string {
  if (!location?.country) return ''
  const country = new Intl.DisplayNames(texts.language, { type: 'region', fallback: 'code' }).of(location.country)
  return [location.city, country].filter(Boolean).join(', ')
}

const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** `3 hours ago`; undefined in the last minute. */
export function agoWords(at: string): string | undefined {
  const seconds = (Date.now() - Date.parse(at)) / 1000
  const found = UNITS.find(([, length]) => seconds >= length)
  if (!found) return undefined
  const [unit, length] = found
  return new Intl.RelativeTimeFormat(texts.language, { numeric: 'auto' }).format(-Math.floor(seconds / length), unit)
}

/** `40 seconds`, or `15 minutes` from 90 seconds on, and so on. */
export function durationWords(seconds: number): string {
  const [unit, length] = UNITS.slice(3).find(([, length]) => seconds >= 1.5 * length) ?? ['second', 1]
  const value = Math.ceil(seconds / length)
  return new Intl.NumberFormat(texts.language, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
}

/** `4 May 2026, 14:05`. */
export function dateWords(at: string): string {
  return new Intl.DateTimeFormat(texts.language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))
}
