package cli

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestRecord_ARotationOfThisClusterIsItsOwnWhicheverObjectFoundIt(t *testing.T) {
	for _, c := range []struct {
		adopted, here bool
		want          string
	}{
		{false, true, "this cluster"}, {false, false, "this cluster"}, {true, true, "this cluster"}, {true, false, "somebody else"},
	} {
		if got := record(&v1alpha1.RotationStatus{Adopted: c.adopted, RequestedHere: c.here}).Actor; got != c.want {
			t.Errorf("adopted %v, requested here %v: by %s, want %s", c.adopted, c.here, got, c.want)
		}
	}
}

func TestShownAccount_IsThePullSecretsBeforeTheCredentials(t *testing.T) {
	credentials, pullSecrets := &v1alpha1.AccountStatus{ID: "a"}, &v1alpha1.AccountStatus{ID: "b"}
	if got := shownAccount(&v1alpha1.PullSecretRotationStatus{Account: credentials, PullSecretAccount: pullSecrets}); got != pullSecrets {
		t.Errorf("shown is %+v", got)
	}
	if got := shownAccount(&v1alpha1.PullSecretRotationStatus{Account: credentials}); got != credentials {
		t.Errorf("shown is %+v", got)
	}
}
