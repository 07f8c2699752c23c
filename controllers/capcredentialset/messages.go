package capcredentialset

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/command"
)

// Every message says what is wrong, what is affected and what to do. What is affected by a row is its Secret; by a hold, all
// of them.

// advice is what to do about a failure of a role, by its reason.
var advice = map[string]string{
	v1alpha1.ReasonAuthenticationRefused: "Check that the client certificate is registered with the portal and authorised for the agency, the mission and the role.",
	v1alpha1.ReasonRequestRejected:       "Check agency, mission, role and extraParameters.",
	v1alpha1.ReasonRoleRefused:           "Check the role's name, and that the client certificate is authorised for it.",
	v1alpha1.ReasonAPIDisabled:           "Check the URL's path, and that the API is enabled in the portal.",
	v1alpha1.ReasonCAPUnavailable:        "It is tried again. If it lasts, check the portal, the network and the proxy.",
	v1alpha1.ReasonCAPUntrusted:          "Put the CA that signs the portal's certificate into the client certificate's Secret (ca.crt or ca-chain.cert.pem).",
	v1alpha1.ReasonMalformedCredential:   "It is tried again. If it lasts, check that the URL is the portal's API and that no proxy changes its answers.",
	v1alpha1.ReasonCredentialExpired:     "It is tried again. If it lasts, compare the clocks of the cluster and the portal.",
	v1alpha1.ReasonUnsafeCredential:      "It is not written. Check that the URL is the portal's API; tell its administrators.",
	v1alpha1.ReasonCredentialRefused:     "It is not written. Check that the portal and spec.verification belong to the same partition.",
	v1alpha1.ReasonSTSUnavailable:        "It is not written, because spec.verification.sts is Required. Check STS, the network and spec.verification.",
}

// withAdvice ends a failure's words with what to do.
func withAdvice(reason, message string) string {
	message = strings.TrimSuffix(message, ".") + "."
	if a := advice[reason]; a != "" {
		message += " " + a
	}
	return message
}

// grantSecret is the command that lets the operator keep a Secret.
func grantSecret(ref types.NamespacedName, operatorNamespace string) string {
	return command.Grant{
		Namespace: ref.Namespace, Name: ref.Name, Resource: "secrets", Verbs: []string{"get", "list", "watch", "create", "patch"}, OperatorNamespace: operatorNamespace,
	}.String()
}

// grantRestart is the command that lets the operator restart a workload.
func grantRestart(t v1alpha1.RestartTarget, operatorNamespace string) string {
	return command.Grant{
		Namespace: t.Namespace, Name: t.Name, Resource: strings.ToLower(string(t.Kind)) + "s.apps", Verbs: []string{"get", "patch"},
		Purpose: "restart-", OperatorNamespace: operatorNamespace,
	}.String()
}

func forbiddenMessage(ref types.NamespacedName, what, namespace string) string {
	return fmt.Sprintf("The operator may not %s this Secret, so it gets no credentials. Grant it: %s", what, grantSecret(ref, namespace))
}

func hostHold(err error) *plan.Hold {
	return &plan.Hold{Reason: v1alpha1.ReasonHostNotAllowed, Message: fmt.Sprintf("The client certificate is not shown where spec.endpoint.url leads: %v. Nothing is fetched and credentials expire. "+
		"Correct the URL, or have the host added to --allowed-cap-hosts (ALLOWED_CAP_HOSTS) of the operator.", err)}
}

func modeHold(mode cluster.CredentialsMode) *plan.Hold {
	return &plan.Hold{Reason: v1alpha1.ReasonCredentialsModeNotManual, Message: fmt.Sprintf("The cloud-credential-operator is in mode %s and writes these Secrets itself, so nothing is written. "+
		"Set spec.credentialsMode of cloudcredential.operator.openshift.io/cluster to Manual, or delete this CAPCredentialSet.", mode)}
}
