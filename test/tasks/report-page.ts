import { parseHTML } from 'linkedom'

interface Element {
  readonly tagName: string
  readonly textContent: string
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>
  querySelectorAll(selector: string): Iterable<Element>
  getAttribute(name: string): string | null
}

/** A page as a browser reads it. */
export class ReadPage {
  readonly html: string
  readonly #document: Element

  constructor(html: string) {
    this.html = html
    this.#document = (parseHTML(html) as unknown as { document: Element }).document
  }

  all(selector: string): Element[] {
    return [...this.#document.querySelectorAll(selector)]
  }

  /** The cells of the table with this caption, a row each, without its header. */
  table(caption: string): string[][] {
    const found = this.all('table').find(
      (table) => [...table.querySelectorAll('caption')][0]?.textContent.trim() === caption,
    )
    if (found === undefined) throw new Error(`no table "${caption}"`)
    return [...found.querySelectorAll('tbody tr')].map((row) =>
      [...row.querySelectorAll('th, td')].map((cell) => cell.textContent.trim()),
    )
  }

  /** The number beside a name in the head of the page. */
  fact(name: string): string | undefined {
    const fact = this.all('dl > div').find(
      (one) => [...one.querySelectorAll('dt')][0]?.textContent === name,
    )
    return fact && [...fact.querySelectorAll('dd')][0]?.textContent.trim()
  }

  /** What loads, runs or leads somewhere. */
  reaching(): string[] {
    const elements = this.all('*')
    const active = new Set([
      'script',
      'img',
      'iframe',
      'object',
      'embed',
      'link',
      'a',
      'form',
      'use',
    ])
    return [
      ...elements.map(({ tagName }) => tagName.toLowerCase()).filter((name) => active.has(name)),
      ...elements
        .flatMap(({ attributes }) => [...attributes])
        .filter(({ name, value }) => /^on|href|src$/i.test(name) || /url\(|https?:/i.test(value))
        .map(({ name, value }) => `${name}=${value}`),
      ...(/@import|url\(/.test(this.html) ? ['a style that loads'] : []),
    ]
  }
}
