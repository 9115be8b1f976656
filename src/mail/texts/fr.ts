import type { MailTexts } from './mail-texts.js'

const valid = 'Le lien fonctionne une seule fois, jusqu’au {{expires}}.'
const where = 'Date\u00a0: {{time}}. Appareil\u00a0: {{device}}. Adresse IP\u00a0: {{ip}}.'
const ended =
  'Tous les appareils seront déconnectés, et vous recevrez un autre message pour choisir un nouveau mot de passe.'

export const fr: MailTexts = {
  unknown: 'inconnu',
  colon: '\u00a0:',
  device: (browser, os) => `${browser} sur ${os}`,
  letters: {
    letter_password_reset: {
      subject: 'Choisissez un nouveau mot de passe',
      before: ['Quelqu’un a demandé un nouveau mot de passe pour votre compte {{name}}.', where],
      action: 'Choisir un nouveau mot de passe',
      after: [
        valid,
        'Si ce n’était pas vous, ignorez ce message\u00a0: rien ne change tant que le lien n’est pas utilisé.',
      ],
    },
    letter_registration: {
      subject: 'Confirmez votre adresse e-mail',
      before: ['Quelqu’un veut créer un compte {{name}} avec cette adresse e-mail.', where],
      action: 'Créer le compte',
      after: [
        valid,
        'Si ce n’était pas vous, ignorez ce message et n’utilisez pas le lien\u00a0: le compte aurait le mot de passe d’une autre personne.',
      ],
    },
    letter_account_exists: {
      subject: 'Vous avez déjà un compte',
      before: [
        'Quelqu’un a voulu utiliser cette adresse e-mail pour un autre compte {{name}}. Vous en avez déjà un.',
        where,
      ],
      action: 'Se connecter',
      after: [
        'Si vous ne connaissez pas votre mot de passe, demandez-en un nouveau. Si ce n’était pas vous, ignorez ce message.',
      ],
    },
    letter_verify_email: {
      subject: 'Confirmez votre adresse e-mail',
      before: ['Veuillez confirmer que ceci est l’adresse e-mail de votre compte {{name}}.'],
      action: 'Confirmer l’adresse',
      after: [valid],
    },
    letter_confirm_email: {
      subject: 'Confirmez votre nouvelle adresse e-mail',
      before: ['Quelqu’un veut utiliser cette adresse e-mail pour un compte {{name}}.', where],
      action: 'Utiliser cette adresse',
      after: [valid, 'Si ce n’était pas vous, ignorez ce message et n’utilisez pas le lien.'],
    },
    letter_email_changed: {
      subject: 'Votre adresse e-mail a été modifiée',
      before: ['Votre compte {{name}} a maintenant une autre adresse e-mail.', where],
      action: 'Ce n’était pas moi',
      after: [`Si ce n’était pas vous, utilisez le lien. Le compte aura de nouveau cette adresse. ${ended}`, valid],
    },
    letter_new_device: {
      subject: 'Connexion depuis un nouvel appareil',
      before: [
        'Quelqu’un s’est connecté à votre compte {{name}} depuis un appareil qui n’avait jamais été utilisé.',
        where,
      ],
      action: 'Ce n’était pas moi',
      after: [`Si ce n’était pas vous, utilisez le lien. ${ended}`, valid],
    },
    letter_password_changed: {
      subject: 'Votre mot de passe a été modifié',
      before: ['Le mot de passe de votre compte {{name}} a été modifié.', where],
      action: 'Ce n’était pas moi',
      after: [`Si ce n’était pas vous, utilisez le lien. ${ended}`, valid],
    },
    letter_deletion_requested: {
      subject: 'Votre compte sera supprimé',
      before: [
        'Quelqu’un a demandé la suppression de votre compte {{name}}. Il sera supprimé le {{deletion}}.',
        where,
        'Pour garder le compte, connectez-vous avant cette date.',
      ],
      action: 'Ce n’était pas moi',
      after: [`Si ce n’était pas vous, utilisez le lien. Le compte sera conservé. ${ended}`, valid],
    },
  },
}
