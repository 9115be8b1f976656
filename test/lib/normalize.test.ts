import fc from 'fast-check'
import t from 'tap'
import { composedForm, foldedForm, textForm } from '../../src/lib/normalize.js'

t.test('spellings of one text that look alike have one text form', async t => {
  t.equal(textForm('\uFF21\uFB01'), 'Afi')
  t.equal(foldedForm('\uFF21\uFB01'), 'afi')
  t.equal(textForm('e\u0301'), '\u00E9')
  t.equal(textForm(foldedForm('Zo\u00CB')), 'zo\u00EB')
})

t.test('the composed form keeps look-alike characters distinct', async t => {
  t.equal(composedForm('e\u0301 \uFB01'), '\u00E9 \uFB01')
})

t.test('normalising a text twice changes nothing, in every form', async t => {
  const forms = [textForm, foldedForm, composedForm]
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => forms.every(form => form(form(text)) === form(text))),
    { numRuns: 1000 },
  )
  // In lower case these are letters and marks that NFKC composes.
  for (const text of ['\u03D2\u0301', 'J\u030C', '\u1E9E', '\u0130'])
    t.equal(foldedForm(foldedForm(text)), foldedForm(text), text)
})
