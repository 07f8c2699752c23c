package plan

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// The schema refuses what is no name. It is judged here once more, because names reach messages and commands that people are to
// paste, and an object may have been stored before the schema was what it is.

// maxText bounds the free texts of a spec that have no bound of their own here.
const maxText = 2048

// Invalid says what of a spec cannot be carried out; nil when nothing. The words name the field and never repeat its value.
func Invalid(spec *v1alpha1.CAPCredentialSetSpec) error {
	for _, check := range []func(*v1alpha1.CAPCredentialSetSpec) error{invalidEndpoint, invalidRequests, invalidSecrets, invalidWorkloads} {
		if err := check(spec); err != nil {
			return err
		}
	}
	return nil
}

func invalidEndpoint(spec *v1alpha1.CAPCredentialSetSpec) error {
	e := &spec.Endpoint
	switch {
	case !isObjectName(e.ClientCertificateSecretRef.Name):
		return fmt.Errorf("spec.endpoint.clientCertificateSecretRef.name is no name of a Secret")
	case len(e.URL) > maxText || len(e.Agency) > maxText || len(e.Mission) > maxText || len(spec.Verification.Endpoint) > maxText:
		return fmt.Errorf("spec.endpoint or spec.verification has a value of more than %d bytes", maxText)
	case !isText(e.Agency) || !isText(e.Mission):
		return fmt.Errorf("spec.endpoint.agency or mission has characters that cannot be seen")
	}
	for k, v := range e.ExtraParameters {
		if len(k) > maxText || len(v) > maxText || len(e.ExtraParameters) > 16 {
			return fmt.Errorf("spec.endpoint.extraParameters has more than 16 entries, or one of more than %d bytes", maxText)
		}
	}
	return nil
}

func invalidRequests(spec *v1alpha1.CAPCredentialSetSpec) error {
	const field = "spec.credentialsRequests"
	c := spec.CredentialsRequests
	if c == nil {
		return nil
	}
	for i, ns := range c.Namespaces {
		if !isNamespace(ns) {
			return fmt.Errorf("%s.namespaces[%d] is no name of a namespace", field, i)
		}
	}
	for i, r := range c.Exclude {
		if !isRequest(r.Namespace, r.Name) {
			return fmt.Errorf("%s.exclude[%d] is no name of a CredentialsRequest", field, i)
		}
	}
	if err := invalidRoles(field, c); err != nil {
		return err
	}
	if _, err := selectorOf(c.Selector); err != nil {
		return fmt.Errorf("%s.selector is no selector: a key or a value is no label's, or values are missing or too many", field)
	}
	return nil
}

func invalidRoles(field string, c *v1alpha1.CredentialsRequestsSpec) error {
	roles := map[types.NamespacedName]string{}
	for i, r := range c.Roles {
		name := requestName(r.Namespace, r.Name)
		switch other, twice := roles[name]; {
		case !isRequest(r.Namespace, r.Name):
			return fmt.Errorf("%s.roles[%d] is no name of a CredentialsRequest", field, i)
		case !isRole(r.Role):
			return fmt.Errorf("%s.roles[%d].role is no role", field, i)
		case twice && other != r.Role:
			return fmt.Errorf("%s.roles[%d] gives a CredentialsRequest a second role", field, i)
		}
		roles[name] = r.Role
	}
	if c.DefaultRole != "" && !isRole(c.DefaultRole) {
		return fmt.Errorf("%s.defaultRole is no role", field)
	}
	for i, r := range c.AllowedRoles {
		if !isRole(r) {
			return fmt.Errorf("%s.allowedRoles[%d] is no role", field, i)
		}
	}
	return nil
}

func invalidSecrets(spec *v1alpha1.CAPCredentialSetSpec) error {
	for i, s := range spec.Secrets {
		switch {
		case !isNamespace(s.Namespace) || !isObjectName(s.Name):
			return fmt.Errorf("spec.secrets[%d] is no name of a Secret", i)
		case !isRole(s.Role):
			return fmt.Errorf("spec.secrets[%d].role is no role", i)
		}
	}
	return nil
}

func invalidWorkloads(spec *v1alpha1.CAPCredentialSetSpec) error {
	for i, t := range spec.RestartTargets {
		switch {
		case !isNamespace(t.Namespace) || !isObjectName(t.Name):
			return fmt.Errorf("spec.restartTargets[%d] is no name of a workload", i)
		case t.Kind != v1alpha1.RestartDeployment && t.Kind != v1alpha1.RestartDaemonSet && t.Kind != v1alpha1.RestartStatefulSet:
			return fmt.Errorf("spec.restartTargets[%d].kind is no kind that can be restarted", i)
		}
	}
	return nil
}

// isNamespace and isObjectName are the API server's own rules.
func isNamespace(s string) bool  { return len(validation.IsDNS1123Label(s)) == 0 }
func isObjectName(s string) bool { return len(validation.IsDNS1123Subdomain(s)) == 0 }

// isSecret says whether there can be a Secret of this name at all.
func isSecret(ref types.NamespacedName) bool {
	return isNamespace(ref.Namespace) && isObjectName(ref.Name)
}

func isRequest(namespace, name string) bool {
	return (namespace == "" || isNamespace(namespace)) && isObjectName(name)
}

// requestName fills in the namespace that need not be named.
func requestName(namespace, name string) types.NamespacedName {
	if namespace == "" {
		namespace = v1alpha1.DefaultRequestsNamespace
	}
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// maxRole bounds a role, in characters, as the API does.
const maxRole = 512

// isRole says whether a text can be a role: visible on a terminal as what it is, and of a length that a label bears.
func isRole(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= maxRole && isText(s)
}

// isText is true when each character can be seen: no control characters, none that turn the direction or have no width.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) < 0
}

// selectorOf makes Kubernetes' own selector. None selects everything.
func selectorOf(s *v1alpha1.LabelSelector) (labels.Selector, error) {
	if s == nil {
		return labels.Everything(), nil
	}
	if len(s.MatchLabels) > 16 || len(s.MatchExpressions) > 16 {
		return nil, fmt.Errorf("more than 16 requirements")
	}
	all := &metav1.LabelSelector{MatchLabels: s.MatchLabels}
	for _, e := range s.MatchExpressions {
		if len(e.Values) > 64 {
			return nil, fmt.Errorf("more than 64 values")
		}
		all.MatchExpressions = append(all.MatchExpressions, metav1.LabelSelectorRequirement{Key: e.Key, Operator: e.Operator, Values: e.Values})
	}
	return metav1.LabelSelectorAsSelector(all)
}
