export type Print = (line: string) => void

/** Prints lines of cells, each column as wide as its widest cell; the first line is the head. */
export function printTable(table: readonly (readonly string[])[], print: Print): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map(line => line[column]!.length)))
  for (const line of table) {
    const cells = line.map((cell, column) => cell.padEnd(widths[column]!))
    print(cells.join('  ').trimEnd())
  }
}
