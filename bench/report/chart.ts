import type { Report } from './report.js'

export function chart(_report: Report): string {
  return '<svg xmlns="http://www.w3.org/2000/svg"/>'
}
