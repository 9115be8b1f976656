/** The drawings of the page: lines in a square of 24. */
const DRAWINGS = {
  desktop: 'M3 5h18v11H3zM9 20h6M12 16v4',
  mobile: 'M7 3h10v18H7zM11 18h2',
  tablet: 'M5 3h14v18H5zM11 18h2',
  tv: 'M3 4h18v12H3zM7 20h10',
  app: 'M4 5h16v14H4zM8 10l3 2.5L8 15M13 15h3',
  bot: 'M5 9h14v10H5zM12 5v4M9 13v2M15 13v2M2 13v3M22 13v3',
  unknown: 'M8 9a4 4 0 1 1 5.5 3.7q-1.5.6-1.5 2.3M12 19v.1',
  rename: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  show: 'M2 12q10-13 20 0q-10 13-20 0M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6',
  hide: 'M3 10q9 10 18 0M12 15v3.5M6.5 13.5L5 16.5M17.5 13.5l1.5 3',
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
