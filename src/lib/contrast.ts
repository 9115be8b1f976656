/** A colour as `#rrggbb`. */
export type Colour = string

/** How well one colour can be read on another: from 1 to 21 (WCAG 2.2, contrast ratio). Text needs 4.5. */
export function contrast(one: Colour, other: Colour): number {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (lighter + 0.05) / (darker + 0.05)
}

/**
 * The colour, moved towards black or white until it can be read on a background.
 *
 * @param towards '#000000' or '#ffffff'
 * @param least the contrast to reach
 */
export function readableOn(background: Colour, colour: Colour, towards: Colour, least: number): Colour {
  for (let part = 0; part < 1; part += 0.02) {
    const mixed = mix(colour, towards, part)
    if (contrast(mixed, background) >= least) return mixed
  }
  return towards
}

function mix(colour: Colour, other: Colour, part: number): Colour {
  const added = channels(other)
  const mixed = channels(colour).map((channel, i) => Math.round(channel * (1 - part) + added[i]! * part))
  return `#${mixed.map(channel => channel.toString(16).padStart(2, '0')).join('')}`
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: Colour): number {
  const [red, green, blue] = channels(colour).map(channel => {
    const value = channel / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function channels(colour: Colour): number[] {
  return [1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16))
}
