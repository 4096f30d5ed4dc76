import { figure } from './figures.ts'

/** Text that is HTML already. Only `html` and the plots make it, so that no other text gets in whole. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type HtmlValue = Html | string | number | null | readonly HtmlValue[]

/** HTML with values in it: text is escaped, a number is written for people, null is nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(
    strings.map((part, i) => (i === 0 ? part : written(values[i - 1]!) + part)).join(''),
  )
}

/** Text from outside as a page may show it: nothing in it is a control, of a device or of direction. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\p{Cs}]/gu, '�')
}

export interface ReportPage {
  readonly title: string
  /** What it is about, a line each. */
  readonly facts: readonly (readonly [string, HtmlValue])[]
  readonly sections: readonly Section[]
}

export interface Section {
  readonly title: string
  readonly body: HtmlValue
}

/**
 * A whole page by itself: it loads nothing and runs nothing, follows the reader's light or dark theme,
 * and fits a phone and a sheet of paper.
 */
export function reportPage({ title, facts, sections }: ReportPage): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <dl>
            ${facts.map(
              ([name, value]) =>
                html`<div>
                  <dt>${name}</dt>
                  <dd>${value}</dd>
                </div>`,
            )}
          </dl>
        </header>
        <main>
          ${sections.map(
            (section) =>
              html`<section>
                <h2>${section.title}</h2>
                ${section.body}
              </section>`,
          )}
        </main>
      </body>
    </html>`
  return `${page.text}\n`
}

export interface TableColumn {
  readonly title: string
  /** Whether its cells are numbers, which stand below one another. @default false */
  readonly isNumber?: boolean
}

/** A table that scrolls by itself where the page is narrower. */
export function tableOf(
  caption: string,
  columns: readonly TableColumn[],
  rows: readonly (readonly HtmlValue[])[],
): Html {
  const classOf = (j: number) => (columns[j]?.isNumber ? html` class="number"` : null)
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table${columns.length > 4 ? html` class="wide"` : null}>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ title }, j) => html`<th scope="col" ${classOf(j)}>${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, j) =>
                j === 0
                  ? html`<th scope="row" ${classOf(j)}>${cell}</th>`
                  : html`<td${classOf(j)}>${cell}</td>`,
              )}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`
}

export interface LegendEntry {
  readonly label: string
  /** A color of CSS. */
  readonly color: string
}

/** A plot with what it shows in words, and what its colors mean. */
export function figureOf(caption: string, plot: Html, legend: readonly LegendEntry[] = []): Html {
  return html`<figure>
    <figcaption>${caption}</figcaption>
    ${
      legend.length === 0
        ? null
        : html`<p class="legend">
            ${legend.map(
              ({ label, color }) => html`<span><i style="background:${color}"></i>${label}</span> `,
            )}
          </p>`
    }${plot}
  </figure>`
}

/** Figures beside one another where there is room. */
export function figures(...shown: readonly (Html | null)[]): Html {
  return html`<div class="figures">${shown}</div>`
}

export function note(text: HtmlValue): Html {
  return html`<p class="note">${text}</p>`
}

function written(value: HtmlValue): string {
  if (value === null) return ''
  if (typeof value === 'string') return escaped(value)
  if (typeof value === 'number') return figure(value)
  if (value instanceof Html) return value.text
  return value.map(written).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return plainText(text).replace(/[&<>"']/g, (character) => entities[character]!)
}

const style = `
:root {
  color-scheme: light dark;
  --back: #ffffff; --text: #1b1f24; --soft: #5b6470; --line: #d8dde3; --card: #f6f7f9;
  --one: #2463c4; --two: #c2500a; --three: #177a3b; --four: #9325a8; --five: #8a6a00; --six: #0a7285;
  --good: #177a3b; --bad: #c22525;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14171b; --text: #e7eaee; --soft: #a3adb8; --line: #363d46; --card: #1d2127;
    --one: #7fb0ff; --two: #ffa766; --three: #62d18f; --four: #e391f5; --five: #e6c65c; --six: #62d2e3;
    --good: #62d18f; --bad: #ff8a8a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; -webkit-text-size-adjust: 100%;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; border-bottom: 1px solid var(--line); }
dl { display: grid; gap: 0.25rem 1.5rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); margin: 0; }
dt { color: var(--soft); font-size: 0.85rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
p { margin: 0.5rem 0; }
.note { color: var(--soft); font-size: 0.9rem; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.figures { display: grid; gap: 1rem; align-items: start; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); }
figure { margin: 0.5rem 0; padding: 0.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; min-width: 0; }
figcaption { font-size: 0.9rem; }
svg { display: block; width: 100%; height: auto; margin: 0 auto; overflow: visible; }
svg text { white-space: pre; }
.legend { margin: 0.25rem 0; font-size: 0.85rem; }
.legend span { display: inline-block; margin-right: 0.75rem; }
.legend i { display: inline-block; width: 0.75em; height: 0.75em; margin-right: 0.35em; border-radius: 2px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table.wide { width: max-content; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; color: var(--soft); padding: 0.25rem 0; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; }
tbody th { font-weight: 400; max-width: 18rem; overflow-wrap: anywhere; min-width: 8.5rem; }
.number { text-align: right; white-space: nowrap; }
tbody th.number { min-width: 0; }
td { min-width: 4rem; max-width: 24rem; }
@media print {
  :root {
    color-scheme: light;
    --back: #ffffff; --text: #000000; --soft: #444444; --line: #bbbbbb; --card: #ffffff;
    --one: #2463c4; --two: #c2500a; --three: #177a3b; --four: #9325a8; --five: #8a6a00; --six: #0a7285;
    --good: #177a3b; --bad: #c22525;
  }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
  table.wide { width: auto; }
  td, th, .number { white-space: normal; min-width: 0; }
}
`
