package pullsecretrotation

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

// advised adds to an error of OCM's client what it affects and what to do. The client does not know where its credential comes from, which the
// reader of a condition needs to know.
func advised(e *ocm.Error, secret string) *ocm.Error {
	what := advice(e.Kind, secret)
	if what == "" {
		return e
	}
	c := *e
	c.Message = sentence(e.Message) + " " + what
	return &c
}

func advice(kind ocm.Kind, secret string) string {
	const until = "Until then nothing is requested, verified or changed; the pull secret in use stays as it is."
	switch kind {
	case ocm.OCMTokenExpired:
		return "Get a new token at https://console.redhat.com/openshift/token as the account of the pull secret, and put it into the key token of the Secret " +
			secret + ". " + until
	case ocm.OCMClientRefused:
		return "Put a client id and its secret into the keys client-id and client-secret of the Secret " + secret +
			" (for a token that was issued to another client, add that client's id). " + until
	case ocm.OCMOfflineTokensForbidden:
		return "Either ask the organisation's administrator to allow offline tokens for this account, or put client-id and client-secret into the Secret " + secret +
			"; a service account can only rotate its own pull secret. " + until
	case ocm.OCMForbidden:
		return "The account may be banned or lack a right: log in at https://console.redhat.com as this account, or contact Red Hat support. " + until
	case ocm.ClockSkew:
		return "Compare the nodes' time with a time server (chronyc tracking). " + until
	case ocm.OCMUnauthorized, ocm.OCMUnavailable, ocm.OCMRateLimited:
		return "The operator will retry; the pull secret in use stays as it is."
	}
	return "" // the other messages are complete
}

// sentence turns a clause into a sentence.
func sentence(clause string) string {
	first, size := utf8.DecodeRuneInString(clause)
	return strings.TrimRight(string(unicode.ToUpper(first))+clause[size:], ".") + "."
}

// credentialName is the name of the Secret with the OCM credential.
func (s *scope) credentialName() string {
	if ref := s.obj.Spec.OCM.CredentialsSecretRef; ref != nil {
		return s.r.Options.Namespace + "/" + ref.Name
	}
	return "that spec.ocm.credentialsSecretRef names"
}
