import { logoFile } from '../account-logo.js'
import { accentColor, homeAddress, pageLink } from '../account-page-kinds.js'
import type { SettingTree } from '../setting.js'
import { list, onOff, text } from '../value-kinds.js'

export const accountPageSettings = {
  accountPage: {
    enabled: {
      variable: 'ACCOUNT_PAGE',
      kind: onOff,
      default: 'on',
      description:
        'Whether `/account` has the [account page](account-page.md), where users sign in, see their sessions and change ' +
        'their password.',
    },
    name: {
      variable: 'ACCOUNT_NAME',
      kind: text('1 to 60 characters without control characters', /^[^\p{Cc}\p{Cf}]{1,60}$/u),
      default: 'Latchkey',
      description: 'The name of your application on the account page.',
    },
    color: {
      variable: 'ACCOUNT_COLOR',
      kind: accentColor,
      default: '#0f5c5c',
      description:
        'The colour of buttons and links on the account page, dark enough for white text on it. The dark theme has a ' +
        'lighter colour, which follows from it.',
    },
    logo: {
      variable: 'ACCOUNT_LOGO',
      kind: logoFile,
      defaultText: 'a key',
      description: 'The path of a picture (SVG or PNG, at most 32 KiB) that stands in place of the name.',
    },
    links: {
      variable: 'ACCOUNT_LINKS',
      kind: list(pageLink),
      default: '',
      description:
        'Links below the account page, such as `Help=https://example.com/help,Contact=mailto:help@example.com`. Write a ' +
        'comma in an address as `%2C`.',
    },
    home: {
      variable: 'ACCOUNT_HOME',
      kind: homeAddress,
      defaultText: 'none: there is no link',
      description: 'Where the account page leads back to the application: an https address, or a path such as `/`.',
    },
  },
} as const satisfies SettingTree
