/** The samples of a scrape. */
export interface Samples {
  /** The names of the samples, with the suffixes of histograms. */
  names: ReadonlySet<string>
  /** The sum of all samples with this name and these labels; undefined if there is none. */
  sumOf(name: string, labels?: Readonly<Record<string, string>>): number | undefined
  /** The values of a label. */
  labelsOf(name: string, label: string): string[]
}

interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

/** Reads the text format of Prometheus. */
export function readSamples(text: string): Samples {
  const samples = text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(readSample)
  return {
    names: new Set(samples.map(({ name }) => name)),
    sumOf(name, labels = {}) {
      const found = samples.filter(
        sample => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
      )
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
    },
    labelsOf: (name, label) => samples.filter(sample => sample.name === name).map(({ labels }) => labels[label] ?? ''),
  }
}

function readSample(line: string): Sample {
  const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  if (name === '') throw new Error(`not a sample: ${line}`)
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text] as const)
  return { name, labels: Object.fromEntries(pairs), value: Number(value.replace('+Inf', 'Infinity')) }
}
