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

// The schema refuses invalid names. They are checked here again, because names reach messages and commands for people to paste, and an object may
// be older than the schema.

// maxText limits the free texts of a spec that have no other limit here.
const maxText = 2048

// Invalid returns what makes a spec invalid, or nil. The error names the field and never repeats its value.
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
		return fmt.Errorf("spec.endpoint.clientCertificateSecretRef.name is not a valid name of a Secret")
	case len(e.URL) > maxText || len(e.Agency) > maxText || len(e.Mission) > maxText || len(spec.Verification.Endpoint) > maxText:
		return fmt.Errorf("spec.endpoint or spec.verification has a value of more than %d bytes", maxText)
	case !isText(e.Agency) || !isText(e.Mission):
		return fmt.Errorf("spec.endpoint.agency or mission has invisible characters")
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
			return fmt.Errorf("%s.namespaces[%d] is not a valid name of a namespace", field, i)
		}
	}
	for i, r := range c.Exclude {
		if !isRequest(r.Namespace, r.Name) {
			return fmt.Errorf("%s.exclude[%d] is not a valid name of a CredentialsRequest", field, i)
		}
	}
	if err := invalidRoles(field, c); err != nil {
		return err
	}
	if _, err := selectorOf(c.Selector); err != nil {
		return fmt.Errorf("%s.selector is invalid: a key or a value is not valid for a label, or values are missing or too many", field)
	}
	return nil
}

func invalidRoles(field string, c *v1alpha1.CredentialsRequestsSpec) error {
	roles := map[types.NamespacedName]string{}
	for i, r := range c.Roles {
		name := requestName(r.Namespace, r.Name)
		switch other, twice := roles[name]; {
		case !isRequest(r.Namespace, r.Name):
			return fmt.Errorf("%s.roles[%d] is not a valid name of a CredentialsRequest", field, i)
		case !isRole(r.Role):
			return fmt.Errorf("%s.roles[%d].role is not a valid role", field, i)
		case twice && other != r.Role:
			return fmt.Errorf("%s.roles[%d] gives a CredentialsRequest a second role", field, i)
		}
		roles[name] = r.Role
	}
	if c.DefaultRole != "" && !isRole(c.DefaultRole) {
		return fmt.Errorf("%s.defaultRole is not a valid role", field)
	}
	for i, r := range c.AllowedRoles {
		if !isRole(r) {
			return fmt.Errorf("%s.allowedRoles[%d] is not a valid role", field, i)
		}
	}
	return nil
}

func invalidSecrets(spec *v1alpha1.CAPCredentialSetSpec) error {
	for i, s := range spec.Secrets {
		switch {
		case !isNamespace(s.Namespace) || !isObjectName(s.Name):
			return fmt.Errorf("spec.secrets[%d] is not a valid name of a Secret", i)
		case !isRole(s.Role):
			return fmt.Errorf("spec.secrets[%d].role is not a valid role", i)
		}
	}
	return nil
}

func invalidWorkloads(spec *v1alpha1.CAPCredentialSetSpec) error {
	for i, t := range spec.RestartTargets {
		switch {
		case !isNamespace(t.Namespace) || !isObjectName(t.Name):
			return fmt.Errorf("spec.restartTargets[%d] is not a valid name of a workload", i)
		case t.Kind != v1alpha1.RestartDeployment && t.Kind != v1alpha1.RestartDaemonSet && t.Kind != v1alpha1.RestartStatefulSet:
			return fmt.Errorf("spec.restartTargets[%d].kind is not a kind that can be restarted", i)
		}
	}
	return nil
}

// isNamespace and isObjectName are the API server's own rules.
func isNamespace(s string) bool  { return len(validation.IsDNS1123Label(s)) == 0 }
func isObjectName(s string) bool { return len(validation.IsDNS1123Subdomain(s)) == 0 }

// isSecret is true if a Secret can have this name and namespace.
func isSecret(ref types.NamespacedName) bool {
	return isNamespace(ref.Namespace) && isObjectName(ref.Name)
}

func isRequest(namespace, name string) bool {
	return (namespace == "" || isNamespace(namespace)) && isObjectName(name)
}

// requestName fills in the default namespace.
func requestName(namespace, name string) types.NamespacedName {
	if namespace == "" {
		namespace = v1alpha1.DefaultRequestsNamespace
	}
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// maxRole is the maximum length of a role in characters, as in the API.
const maxRole = 512

// isRole is true for a valid role: printable, and short enough for a label.
func isRole(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= maxRole && isText(s)
}

// isText is true if all characters are visible: no control, bidirectional or zero-width characters.
func isText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) < 0
}

// selectorOf converts to Kubernetes' own selector. A nil selector selects everything.
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
