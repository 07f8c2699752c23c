package decide

import (
	"strings"
	"testing"
	"unicode"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// noNames are invalid as any kind of name.
var noNames = []string{
	"y; oc adm policy add-cluster-role-to-user cluster-admin mallory #", "../..", "$(id)", "`id`", "a b", "a\nb", "a\x1b[2J", "a\u202eb", "a\u200bb", "'", `"`, "--as=admin", "", "é", "a\x00",
	strings.Repeat("a", 2000),
}

func TestInvalidNames_AreRefusedWhereverTheyStandAndShownHarmlessly(t *testing.T) {
	set := map[string]func(*v1alpha1.PullSecretRotationSpec, string){
		"spec.targets[0].namespace": func(s *v1alpha1.PullSecretRotationSpec, n string) {
			s.Targets = []v1alpha1.SecretReference{{Namespace: n, Name: "s"}}
		},
		"spec.targets[0].name": func(s *v1alpha1.PullSecretRotationSpec, n string) {
			s.Targets = []v1alpha1.SecretReference{{Namespace: "n", Name: n}}
		},
		"spec.ocm.credentialsSecretRef.name": func(s *v1alpha1.PullSecretRotationSpec, n string) {
			s.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: n}
		},
		"spec.ocm.caBundleConfigMapRef.name": func(s *v1alpha1.PullSecretRotationSpec, n string) {
			s.OCM.CABundleConfigMapRef = &v1alpha1.LocalReference{Name: n}
		},
		"spec.entries.addMissing[0]": func(s *v1alpha1.PullSecretRotationSpec, n string) { s.Entries.AddMissing = []string{n} },
		"spec.verification[0].registry": func(s *v1alpha1.PullSecretRotationSpec, n string) {
			s.Verification = []v1alpha1.RegistryVerification{{Registry: n}}
		},
		"spec.verification[0].image": func(s *v1alpha1.PullSecretRotationSpec, n string) {
			s.Verification = []v1alpha1.RegistryVerification{{Registry: "r", Image: n}}
		},
	}
	for field, put := range set {
		for _, name := range noNames {
			if name == "" && strings.HasSuffix(field, ".image") {
				continue // it is optional
			}
			spec := &v1alpha1.PullSecretRotationSpec{}
			put(spec, name)
			err := InvalidNames(spec)
			if err == nil || !strings.HasPrefix(err.Error(), field+" is ") {
				t.Errorf("%s: %q: got %v", field, name, err)
				continue
			}
			if text := err.Error(); len(text) > 250 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s: %q is shown as %q", field, name, text)
			}
			in := Input{Spec: spec, Status: &v1alpha1.PullSecretRotationStatus{}, Facts: &Facts{}}
			if d := Decide(in); d.Step != Wait || d.Reason != v1alpha1.ReasonInvalidSpec || !strings.Contains(d.Message, field) {
				t.Errorf("%s: %q is decided as %+v", field, name, d)
			}
		}
	}
}

func TestInvalidNames_LetsPassWhatIsAName(t *testing.T) {
	spec := &v1alpha1.PullSecretRotationSpec{
		Targets: []v1alpha1.SecretReference{{Namespace: "openshift-config", Name: "pull-secret"}, {Namespace: "n", Name: "a.b-c.d"}},
		Entries: v1alpha1.EntriesSpec{AddMissing: []string{"cloud.openshift.com"}},
		Verification: []v1alpha1.RegistryVerification{
			{Registry: "mirror.example.com:5000/team", Image: "mirror.example.com:5000/team/app:v1"}, {Registry: "https://index.docker.io/v1/"},
			{Registry: "quay.io", Image: "quay.io/openshift-release-dev/ocp-release@sha256:" + strings.Repeat("0", 64)},
		},
	}
	if err := InvalidNames(spec); err != nil {
		t.Error(err)
	}
}
