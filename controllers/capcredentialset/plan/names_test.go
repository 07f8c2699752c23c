package plan

import (
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// validSpec is one with every list filled.
func validSpec() *v1alpha1.CAPCredentialSetSpec {
	return &v1alpha1.CAPCredentialSetSpec{
		Endpoint: v1alpha1.CAPEndpoint{
			URL: "https://cap.example.com/api", Agency: "A", Mission: "Ä Mission", ClientCertificateSecretRef: v1alpha1.LocalReference{Name: "cert"},
			ExtraParameters: map[string]string{"project": "p"},
		},
		CredentialsRequests: &v1alpha1.CredentialsRequestsSpec{
			Namespaces: []string{"addons"}, Exclude: []v1alpha1.RequestReference{{Name: "registry"}},
			Roles:       []v1alpha1.RequestRole{{Name: "machines", Role: "M"}, {Namespace: "addons", Name: "machines", Role: "N"}},
			DefaultRole: "Rôle", AllowedRoles: []string{"A", "B"}, SecretRoleKey: v1alpha1.SecretRoleKeyAllowListed,
			Selector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
		},
		Secrets:        []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: "app", Name: "s.t"}, Role: "S"}},
		RestartTargets: []v1alpha1.RestartTarget{{Kind: v1alpha1.RestartDeployment, Namespace: "app", Name: "w"}},
	}
}

// notNames are what would do harm in a message, a terminal or a shell, or is simply no name.
var notNames = []string{
	"", "y; oc adm policy add-cluster-role-to-user cluster-admin mallory #", "$(id)", "`id`", "../..", "a/b", "A", "-a", "a-", "a b", "a\nb", "a\x1b[2J", "ä",
	strings.Repeat("a", 254), "--all",
}

// notRoles are what is not seen as what it is.
var notRoles = []string{"", " ", "a\nb", "a\x00b", "a\x7f", "a\u009bb", "a\u202eb", "a\u200bb", "\ufeff", "\u2028", "\xff\xfe", strings.Repeat("a", 513)}

func TestInvalid_AcceptsNamesAndRoles(t *testing.T) {
	if err := Invalid(validSpec()); err != nil {
		t.Error(err)
	}
	spec := validSpec()
	spec.CredentialsRequests, spec.Secrets, spec.RestartTargets = nil, nil, nil
	if err := Invalid(spec); err != nil {
		t.Error(err)
	}
}

func TestInvalid_RefusesWhatIsNoNameInEachFieldAndDoesNotRepeatIt(t *testing.T) {
	for field, set := range map[string]func(*v1alpha1.CAPCredentialSetSpec, string){
		"clientCertificateSecretRef":            func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.Endpoint.ClientCertificateSecretRef.Name = v },
		"namespaces[0]":                         func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.CredentialsRequests.Namespaces[0] = v },
		"exclude[0]":                            func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.CredentialsRequests.Exclude[0].Name = v },
		"roles[1]":                              func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.CredentialsRequests.Roles[1].Name = v },
		"secrets[0] is not a valid name":        func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.Secrets[0].Name = v },
		"secrets[0] is not a valid name of a":   func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.Secrets[0].Namespace = v },
		"restartTargets[0] is not a":            func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.RestartTargets[0].Name = v },
		"restartTargets[0] is not a valid name": func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.RestartTargets[0].Namespace = v },
		"restartTargets[0].kind":                func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.RestartTargets[0].Kind = v1alpha1.RestartKind(v) },
	} {
		for _, value := range notNames {
			spec := validSpec()
			set(spec, value)
			refused(t, spec, field, value)
		}
	}
}

func TestInvalid_RefusesWhatIsNoRoleInEachFieldAndDoesNotRepeatIt(t *testing.T) {
	for field, set := range map[string]func(*v1alpha1.CAPCredentialSetSpec, string){
		"roles[0].role":   func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.CredentialsRequests.Roles[0].Role = v },
		"allowedRoles[1]": func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.CredentialsRequests.AllowedRoles[1] = v },
		"secrets[0].role": func(s *v1alpha1.CAPCredentialSetSpec, v string) { s.Secrets[0].Role = v },
	} {
		for _, value := range notRoles {
			spec := validSpec()
			set(spec, value)
			refused(t, spec, field, value)
		}
	}
	for _, value := range notRoles[1:] { // empty is none
		spec := validSpec()
		spec.CredentialsRequests.DefaultRole = value
		refused(t, spec, "defaultRole", value)
	}
}

func TestInvalid_RefusesASecondRoleAndWhatIsTooMuch(t *testing.T) {
	for field, change := range map[string]func(*v1alpha1.CAPCredentialSetSpec){
		"second role": func(s *v1alpha1.CAPCredentialSetSpec) {
			s.CredentialsRequests.Roles = append(s.CredentialsRequests.Roles, v1alpha1.RequestRole{Namespace: v1alpha1.DefaultRequestsNamespace, Name: "machines", Role: "other"})
		},
		"extraParameters": func(s *v1alpha1.CAPCredentialSetSpec) { s.Endpoint.ExtraParameters["x"] = strings.Repeat("x", 1<<20) },
		"selector": func(s *v1alpha1.CAPCredentialSetSpec) {
			s.CredentialsRequests.Selector.MatchLabels["x"] = strings.Repeat("x", 64)
		},
		"agency": func(s *v1alpha1.CAPCredentialSetSpec) { s.Endpoint.Agency = "a\u202eb" },
		"bytes":  func(s *v1alpha1.CAPCredentialSetSpec) { s.Endpoint.Mission = strings.Repeat("x", 1<<20) },
	} {
		spec := validSpec()
		change(spec)
		refused(t, spec, field, "")
	}
	spec := validSpec()
	spec.CredentialsRequests.Roles = append(spec.CredentialsRequests.Roles, spec.CredentialsRequests.Roles...)
	if err := Invalid(spec); err != nil {
		t.Errorf("the same role twice: %v", err)
	}
}

func refused(t *testing.T, spec *v1alpha1.CAPCredentialSetSpec, field, value string) {
	t.Helper()
	err := Invalid(spec)
	if err == nil || !strings.Contains(err.Error(), field) {
		t.Errorf("%s with %.40q: %v", field, value, err)
		return
	}
	if len(value) > 3 && strings.Contains(err.Error(), value) || len(err.Error()) > 200 {
		t.Errorf("the value is repeated: %.300s", err)
	}
}
