/** The drawings of the page: lines in a square of 24. */
const DRAWINGS = {
  desktop: 'M3 5h18v11H3zM9 20h6M12 16v4',
  mobile: 'M7 3h10v18H7zM11 18h2',
  tablet: 'M5 3h14v18H5zM11 18h2',
  tv: 'M3 4h18v12H3zM7 20h10',
  app: 'M4 5h16v14H4zM8 10l3 2.5L8 15M13 15h3',
  bot: 'M5 9h14v10H5zM12 5v4M9 13v2M15 13v2M2 13v3M22 13v3',
  unknown: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.4c-.7.3-1 .8-1 1.6M12 16.7v.1',
  rename: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  show: 'M2 12c2.5-4.5 6-6.5 10-6.5s7.5 2 10 6.5c-2.5 4.5-6 6.5-10 6.5S4.5 16.5 2 12M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6',
  hide: 'M3 10c2.5 3.5 5.5 5 9 5s6.5-1.5 9-5M12 15v3.5M6.5 13.5L5 16.5M17.5 13.5l1.5 3',
} as const

export type IconName = keyof typeof DRAWINGS

/** A drawing that says nothing that the text beside it does not say. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <path d={DRAWINGS[name]} />
    </svg>
  )
}
