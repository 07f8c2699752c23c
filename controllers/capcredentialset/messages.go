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

// Every message says what is wrong, what is affected and what to do. A row affects its Secret, a hold all of them.

// grantSecret is the command that grants the operator the rights to a Secret.
func grantSecret(ref types.NamespacedName, operatorNamespace string) string {
	return command.Grant{
		Namespace: ref.Namespace, Name: ref.Name, Resource: "secrets", Verbs: []string{"get", "list", "watch", "create", "patch"}, OperatorNamespace: operatorNamespace,
	}.String()
}

// grantRestart is the command that grants the operator the right to restart a workload.
func grantRestart(t v1alpha1.RestartTarget, operatorNamespace string) string {
	return command.Grant{
		Namespace: t.Namespace, Name: t.Name, Resource: strings.ToLower(string(t.Kind)) + "s.apps", Verbs: []string{"get", "patch"},
		Purpose: "restart-", OperatorNamespace: operatorNamespace,
	}.String()
}

func forbiddenMessage(ref types.NamespacedName, what, namespace string) string {
	return fmt.Sprintf("The operator may not %s this Secret, so it gets no credentials. Grant the right with: %s", what, grantSecret(ref, namespace))
}

func hostHold(err error) *plan.Hold {
	return &plan.Hold{Reason: v1alpha1.ReasonHostNotAllowed, Message: fmt.Sprintf("The operator does not present the client certificate to the "+
		"host in spec.endpoint.url: %v. Nothing is fetched and credentials expire. Correct the URL, or add the host to the operator's "+
		"--allowed-cap-hosts (ALLOWED_CAP_HOSTS).", err)}
}

func modeHold(mode cluster.CredentialsMode) *plan.Hold {
	return &plan.Hold{Reason: v1alpha1.ReasonCredentialsModeNotManual, Message: fmt.Sprintf("The cloud-credential-operator is in mode %s and "+
		"writes these Secrets itself, so nothing is written. "+
		"Set spec.credentialsMode of cloudcredential.operator.openshift.io/cluster to Manual, or delete this CAPCredentialSet.", mode)}
}
