package pullsecretrotation

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

// advised completes what OCM's client says is wrong with what is affected and what to do about it. The client does not know
// where its credential comes from; the reader of a condition does not know anything else.
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
		return "Get a new token at https://console.redhat.com/openshift/token, as the account that the pull secret belongs to, and put it into the key token of the Secret " +
			secret + ". " + until
	case ocm.OCMClientRefused:
		return "Put a client id and a secret that belong together into the keys client-id and client-secret of the Secret " + secret +
			" (for a token that was issued to another client, that client's id beside it). " + until
	case ocm.OCMOfflineTokensForbidden:
		return "Either ask the organisation's administrator to allow offline tokens for this account, or put client-id and client-secret into the Secret " + secret +
			"; a service account can only rotate a pull secret of its own. " + until
	case ocm.OCMForbidden:
		return "The account may be banned or lack a right: log in at https://console.redhat.com as this account, or contact Red Hat support. " + until
	case ocm.ClockSkew:
		return "Compare the nodes' time with a time server (chronyc tracking). " + until
	case ocm.OCMUnauthorized, ocm.OCMUnavailable, ocm.OCMRateLimited:
		return "It is asked again; the pull secret in use stays as it is."
	}
	return "" // the others are complete
}

// sentence makes a clause one.
func sentence(clause string) string {
	first, size := utf8.DecodeRuneInString(clause)
	return strings.TrimRight(string(unicode.ToUpper(first))+clause[size:], ".") + "."
}

// credentialName is where the OCM credential lies.
func (s *scope) credentialName() string {
	if ref := s.obj.Spec.OCM.CredentialsSecretRef; ref != nil {
		return s.r.Options.Namespace + "/" + ref.Name
	}
	return "that spec.ocm.credentialsSecretRef names"
}
