import type { Config } from '../../config/config.js'

export const LANGUAGES = ['en', 'fr', 'es'] as const
export type Language = (typeof LANGUAGES)[number]

/** What the page shows that depends on the settings. */
export type PageSettings = Config['accountPage'] &
  Pick<Config, 'publicPath' | 'registration' | 'passwordMinLength' | 'accountDeletionDelaySeconds'>

/** The letters that the page offers to ask for, if they are sent anywhere. */
export const OFFERED_LETTERS = ['letter_password_reset', 'letter_verify_email', 'letter_confirm_email'] as const
export type OfferedLetter = (typeof OFFERED_LETTERS)[number]

/** The names of the files that the document loads. */
export interface FileNames {
  style: string
  logo: string
  scripts: Record<Language, string>
}

/** The words of the document itself. All others are in src/account-page/texts/. */
const WORDS = {
  en: {
    own: 'English',
    account: 'Your account',
    back: (name: string) => `Back to ${name}`,
    language: 'Language',
    links: 'Help and legal',
    needs: 'This page needs JavaScript. Allow it for this site, or use another browser.',
    late: 'This page could not be loaded. Reload it. If this happens again, use a newer browser, or try later.',
  },
  fr: {
    own: 'Français',
    account: 'Votre compte',
    back: (name: string) => `Retour à ${name}`,
    language: 'Langue',
    links: 'Aide et mentions légales',
    needs: 'Cette page a besoin de JavaScript. Autorisez-le pour ce site, ou utilisez un autre navigateur.',
    late: 'Cette page n’a pas pu être chargée. Rechargez-la. Si cela se reproduit, utilisez un navigateur plus récent, ou réessayez plus tard.',
  },
  es: {
    own: 'Español',
    account: 'Su cuenta',
    back: (name: string) => `Volver a ${name}`,
    language: 'Idioma',
    links: 'Ayuda e información legal',
    needs: 'Esta página necesita JavaScript. Permítalo para este sitio, o use otro navegador.',
    late: 'No se pudo cargar esta página. Vuelva a cargarla. Si ocurre de nuevo, use un navegador más reciente, o inténtelo más tarde.',
  },
}

/** The HTML of the page: what surrounds it, and the settings that its script reads from attributes. */
export function writeDocument(
  language: Language,
  settings: PageSettings,
  letters: readonly OfferedLetter[],
  files: FileNames,
): string {
  const words = WORDS[language]
  const { publicPath, name, logo, links, home, registration, passwordMinLength, accountDeletionDelaySeconds } = settings
  const address = (file: string) => asText(`${publicPath}/account/${file}`)
  const brand =
    logo === undefined
      ? `<img src="${address(files.logo)}" alt="" width="32" height="32">${asText(name)}`
      : `<img src="${address(files.logo)}" alt="${asText(name)}">`
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${words.account} – ${asText(name)}</title>
<link rel="stylesheet" href="${address(files.style)}">
<link rel="icon" href="${address(files.logo)}">
<script type="module" src="${address(files.scripts[language])}"></script>
</head>
<body>
<header class="site">
<span class="brand">${brand}</span>
${home === undefined ? '' : `<a href="${asText(home)}">${asText(words.back(name))}</a>`}
</header>
<main id="page" data-base="${asText(publicPath)}" data-registration="${registration}" data-letters="${letters.join(' ')}" data-password-min-length="${passwordMinLength}" data-deletion-delay="${accountDeletionDelaySeconds}">
<noscript><p class="card narrow">${words.needs}</p></noscript>
<p class="card narrow late">${words.late}</p>
</main>
<footer class="site-end">
${nav(
  words.links,
  links.map(({ label, url }) => `<a href="${asText(url)}">${asText(label)}</a>`),
)}
${nav(
  words.language,
  LANGUAGES.map(
    other =>
      `<a href="?lang=${other}" lang="${other}" hreflang="${other}"${other === language ? ' aria-current="true"' : ''}>${WORDS[other].own}</a>`,
  ),
)}
</footer>
</body>
</html>
`
}

function nav(label: string, links: readonly string[]): string {
  return links.length === 0 ? '' : `<nav aria-label="${label}">\n${links.join('\n')}\n</nav>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text that markup cannot begin or end in. */
function asText(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character]!)
}
