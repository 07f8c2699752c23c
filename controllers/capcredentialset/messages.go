package capcredentialset

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

// Every message says what is wrong, what is affected and what to do. What is affected by a row is its Secret; by a hold, all
// of them.

const missingMessage = "The Secret does not exist and spec.createMissingSecrets is false. Create it, or allow the operator to."

func noRoleMessage(r row) string {
	if r.observation.Role != "" {
		return "The Secret's key role holds no usable role name. Correct it, or give a role in spec.credentialsRequests.roles."
	}
	where := "spec.credentialsRequests.roles or spec.credentialsRequests.defaultRole, or in the Secret's own key role"
	return "Nothing says which role this Secret is for, so it gets no credentials. Give one in " + where + "."
}

func fightMessage(r row) string {
	writer := "Somebody"
	if r.Writer != "" {
		writer = "The field manager " + quoted(r.Writer)
	}
	return writer + " keeps changing what the operator writes into this Secret, so it is set right less and less often. Stop the other writer."
}

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

// forbiddenUser finds who lacks the right in what the API server says.
var forbiddenUser = regexp.MustCompile(`User "system:serviceaccount:([a-z0-9.-]+):([a-z0-9.-]+)"`)

// serviceAccount is whom to grant a right: whom the API server names, else the operator's own by the shipped manifests.
func serviceAccount(err error, namespace string) string {
	if err != nil {
		if m := forbiddenUser.FindStringSubmatch(err.Error()); m != nil {
			return m[1] + ":" + m[2]
		}
	}
	return namespace + ":credential-rotation-operator"
}

// grantSecret is the command that lets the operator keep a Secret.
func grantSecret(ref types.NamespacedName, account string) string {
	name := roleName(ref.Name)
	return fmt.Sprintf("oc -n %[1]s create role %[2]s --verb=get,list,watch,create,patch --resource=secrets --resource-name=%[3]s && "+
		"oc -n %[1]s create rolebinding %[2]s --role=%[2]s --serviceaccount=%[4]s", ref.Namespace, name, ref.Name, account)
}

// grantRestart is the command that lets the operator restart a workload.
func grantRestart(t v1alpha1.RestartTarget, account string) string {
	name := roleName("restart-" + t.Name)
	return fmt.Sprintf("oc -n %[1]s create role %[2]s --verb=get,patch --resource=%[3]ss.apps --resource-name=%[4]s && "+
		"oc -n %[1]s create rolebinding %[2]s --role=%[2]s --serviceaccount=%[5]s",
		t.Namespace, name, strings.ToLower(string(t.Kind)), t.Name, account)
}

// roleName fits into the 253 characters that a name may have.
func roleName(of string) string {
	name := "credential-rotation-operator-" + of
	return name[:min(len(name), 253)]
}

func forbiddenMessage(ref types.NamespacedName, what string, err error, namespace string) string {
	return fmt.Sprintf("The operator may not %s this Secret, so it gets no credentials. Grant it: %s", what, grantSecret(ref, serviceAccount(err, namespace)))
}

func modeHold(mode cluster.CredentialsMode) *hold {
	return &hold{Reason: v1alpha1.ReasonCredentialsModeNotManual, Message: fmt.Sprintf("The cloud-credential-operator is in mode %s and writes these Secrets itself, so nothing is written. "+
		"Set spec.credentialsMode of cloudcredential.operator.openshift.io/cluster to Manual, or delete this CAPCredentialSet.", mode)}
}
