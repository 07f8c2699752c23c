package capcredentialset

import (
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// What to do about a failure of a role is the last sentence of its message. What is affected is the row's Secret, whose expiry stands
// beside it.

// advice by the reason.
var advice = map[string]string{
	v1alpha1.ReasonAuthenticationRefused: "Check that the client certificate is registered with CAP and authorised for the agency, the mission and the role.",
	v1alpha1.ReasonRequestRejected:       "Check agency, mission, role and extraParameters.",
	v1alpha1.ReasonRoleRefused:           "Check the role's name, and that the client certificate is authorised for it.",
	v1alpha1.ReasonAPIDisabled:           "Check the path of spec.endpoint.url, and that the API is enabled in CAP.",
	v1alpha1.ReasonCAPUnavailable:        "The operator will retry; if this lasts, check CAP, the network and the proxy.",
	v1alpha1.ReasonProxyUnavailable:      "Check the cluster's proxy or spec.endpoint.proxy; with none there, the operator asks CAP without a proxy.",
	v1alpha1.ReasonHandshakeFailed:       "Ask CAP's administrators for its TLS versions and ciphers; see spec.endpoint.tls, and allowRSAKeyExchange there for an old server.",
	v1alpha1.ReasonCAPUntrusted:          "Put the CA that signs CAP's certificate there, or name another place in spec.endpoint.tls.",
	v1alpha1.ReasonMalformedCredential:   "The operator will retry; if this lasts, check that spec.endpoint.url is CAP's API and that no proxy changes its answers.",
	v1alpha1.ReasonCredentialExpired:     "The operator will retry; if this lasts, compare the clocks of the cluster and of CAP.",
	v1alpha1.ReasonUnsafeCredential:      "Nothing was written: check that spec.endpoint.url is CAP's API, and tell its administrators.",
	v1alpha1.ReasonCredentialRefused:     "Nothing was written: check that CAP and spec.verification belong to the same partition.",
	v1alpha1.ReasonSTSUnavailable:        "Nothing was written, because spec.verification.sts is Required: check STS, the network and spec.verification.",
}

// causes have an advice of their own.
var causes = map[cap.Cause]string{
	cap.CauseNotAsked:            "Ask CAP's administrators where it asks for client certificates; spec.endpoint.url, tls and proxy say how the operator gets there.",
	cap.CauseProxyInvalid:        "Correct HTTPS_PROXY of the operator, or name a proxy in spec.endpoint.proxy.",
	cap.CauseProxyAuthentication: "Put the user and the password into the cluster's proxy, or set spec.endpoint.proxy to none if CAP can be reached without it.",
	cap.CauseProxyRefuses:        "Have the proxy allow connections to CAP, or set spec.endpoint.proxy to none if CAP can be reached without it.",
	cap.CauseProxyUntrusted:      "Put the CA of the proxy into the cluster's trust bundle (additionalTrustBundle); CAP's own CA does not count for the proxy.",
	cap.CauseNoTLS:               "Check host and port of spec.endpoint.url, and that no proxy answers in CAP's place.",
}

// withAdvice ends a failure's words with what to do.
func withAdvice(reason, message string) string {
	message = strings.TrimSuffix(message, ".") + "."
	if a := advice[reason]; a != "" {
		message += " " + a
	}
	return message
}

// tell is the message about a bad answer of CAP.
func tell(bad *cap.Error) string {
	if a := causes[bad.Cause]; a != "" {
		return bad.Message + " " + a
	}
	return withAdvice(string(bad.Class), bad.Message)
}
