package capcredentialset

import (
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// The last sentence of a failure's message says what to do. The row itself shows what is affected: the Secret and its expiry.

// advice by reason.
var advice = map[string]string{
	v1alpha1.ReasonAuthenticationRefused: "Check that the client certificate is registered with CAP and authorised for the agency, the mission and the role.",
	v1alpha1.ReasonRequestRejected:       "Check agency, mission, role and extraParameters.",
	v1alpha1.ReasonRoleRefused:           "Check the role's name, and that the client certificate is authorised for it.",
	v1alpha1.ReasonAPIDisabled:           "Check the path of spec.endpoint.url, and that the API is enabled in CAP.",
	v1alpha1.ReasonCAPUnavailable:        "The operator will retry; if this persists, check CAP, the network and the proxy.",
	v1alpha1.ReasonProxyUnavailable:      "Check the cluster's proxy or spec.endpoint.proxy, or set the latter to none to reach CAP without a proxy.",
	v1alpha1.ReasonHandshakeFailed: "Ask CAP's administrators for its TLS versions and ciphers; see spec.endpoint.tls, and " +
		"allowRSAKeyExchange there for an old server.",
	v1alpha1.ReasonCAPUntrusted: "Add the CA of CAP's certificate there, or name another source in spec.endpoint.tls.",
	v1alpha1.ReasonMalformedCredential: "The operator will retry; if this persists, check that spec.endpoint.url is CAP's API and that no proxy " +
		"changes its answers.",
	v1alpha1.ReasonCredentialExpired: "The operator will retry; if this persists, compare the clocks of the cluster and of CAP.",
	v1alpha1.ReasonUnsafeCredential:  "Nothing was written: check that spec.endpoint.url is CAP's API, and tell its administrators.",
	v1alpha1.ReasonCredentialRefused: "Nothing was written: check that CAP and spec.verification belong to the same partition.",
	v1alpha1.ReasonSTSUnavailable:    "Nothing was written, because spec.verification.sts is Required: check STS, the network and spec.verification.",
}

// causeAdvice by cause, which takes precedence.
var causes = map[cap.Cause]string{
	cap.CauseNotAsked:            "Ask CAP's administrators where it asks for client certificates, and check url, tls and proxy in spec.endpoint.",
	cap.CauseProxyInvalid:        "Correct the operator's HTTPS_PROXY, or set spec.endpoint.proxy.",
	cap.CauseProxyAuthentication: "Put the user and the password into the cluster's proxy, or set spec.endpoint.proxy to none if CAP can be reached without it.",
	cap.CauseProxyRefuses:        "Allow connections to CAP in the proxy, or set spec.endpoint.proxy to none if CAP can be reached without it.",
	cap.CauseProxyUntrusted:      "Put the CA of the proxy into the cluster's trust bundle (additionalTrustBundle); CAP's own CA does not apply to the proxy.",
	cap.CauseNoTLS:               "Check host and port of spec.endpoint.url, and that no proxy answers instead of CAP.",
}

// withAdvice appends the advice to a failure's message.
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
