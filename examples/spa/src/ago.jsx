const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]
const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** How long ago something happened, as of the moment when it is rendered. */
export function Ago({ at }) {
  const seconds = (Date.now() - Date.parse(at)) / 1000
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? []
  const text = unit ? format.format(-Math.floor(seconds / size), unit) : 'just now'
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {text}
    </time>
  )
}
