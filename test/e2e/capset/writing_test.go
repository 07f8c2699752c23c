package capset

// How a Secret is written, and when it is not.

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	configv2 "github.com/aws/aws-sdk-go-v2/config"
	credentialsv1 "github.com/aws/aws-sdk-go/aws/credentials" //nolint:staticcheck // Components of older releases still read the file with it.
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

const machineNamespace, machineSecret = "openshift-machine-api", "aws-cloud-credentials"

// patches are the patches of machine-api's Secret since the tap's last Forget.
func (w *capWorld) patches() int {
	return len(w.api.Requests(func(r harness.Recorded) bool {
		return r.Resource == "secrets" && r.Verb == "patch" && r.Namespace == machineNamespace && r.Name == machineSecret
	}))
}

// In a Secret with data of an administrator, a GitOps tool and cap-token-refresh only the four keys of a credential change, in one
// request.
func TestWriting_OnePatchWithAllKeysAndNothingElseTouched(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	theirs := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: machineNamespace, Name: machineSecret, Labels: map[string]string{"cloudcredential.openshift.io/credentials-request": "true"},
			Annotations: map[string]string{"argocd.argoproj.io/sync-wave": "3"}, Finalizers: []string{"example.com/keep"},
		},
		Data: map[string][]byte{
			"role": []byte(machineRole), "binary": {0, 255, 10}, "aws_access_key_id": []byte("YourID"), "aws_secret_access_key": []byte("YourSecret"),
			"credentials": []byte("[default]\naws_access_key_id = YourID\naws_secret_access_key = YourSecret\n"), "aws_session_token": []byte("another key's token"),
		},
	}
	must(t, w.client.Create(t.Context(), theirs))
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests.AdoptExisting = true })
	w.eventuallyFresh()
	for round := range 2 {
		if n := w.patches(); n != 1 {
			t.Errorf("refresh %d cost %d patches of the Secret, want 1", round+1, n)
		}
		s := w.secret(machineNamespace, machineSecret)
		_, secret, token := string(s.Data["aws_access_key_id"]), string(s.Data["aws_secret_access_key"]), string(s.Data["aws_session_token"])
		wantSecret, wantToken, _, _, ok := w.cap.Lookup(string(s.Data["aws_access_key_id"]))
		if !ok || secret != wantSecret || token != wantToken || !strings.Contains(string(s.Data["credentials"]), wantToken) {
			t.Errorf("refresh %d: the keys of the Secret do not match", round+1)
		}
		if string(s.Data["role"]) != machineRole || string(s.Data["binary"]) != "\x00\xff\n" || s.Type != theirs.Type || len(s.Data) != 6 ||
			s.Labels["cloudcredential.openshift.io/credentials-request"] != "true" || s.Annotations["argocd.argoproj.io/sync-wave"] != "3" ||
			!slices.Equal(s.Finalizers, theirs.Finalizers) {
			t.Errorf("refresh %d changed foreign fields: type %s, %d keys, labels %v, annotations %v, finalizers %v",
				round+1, s.Type, len(s.Data), s.Labels, s.Annotations, s.Finalizers)
		}
		if round == 0 {
			w.api.Forget()
			w.eventuallyRefreshed(w.requestRefresh())
		}
	}

	// CAP returns no token: the old key's token must not stay beside the new key.
	w.cap.Configure(func(s *cap.Settings) { s.OmitSessionToken = true })
	w.eventuallyRefreshed(w.requestRefresh())
	s := w.secret(machineNamespace, machineSecret)
	if len(s.Data["aws_session_token"]) != 0 || strings.Contains(string(s.Data["credentials"]), "aws_session_token") {
		t.Error("an old session token is left beside the new key")
	}
}

// Components read the key credentials as a shared configuration file with one of both Go SDKs.
func TestWriting_BothSDKsReadTheFile(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	for _, r := range harness.PayloadRequests() {
		data := w.secret(r.SecretNamespace, r.SecretName).Data
		file := filepath.Join(t.TempDir(), "credentials")
		must(t, os.WriteFile(file, data["credentials"], 0o600))
		wantSecret, wantToken, _, _, _ := w.cap.Lookup(string(data["aws_access_key_id"]))

		v1, err := credentialsv1.NewSharedCredentials(file, "default").Get()
		must(t, err)
		if v1.AccessKeyID != string(data["aws_access_key_id"]) || v1.SecretAccessKey != wantSecret || v1.SessionToken != wantToken {
			t.Errorf("aws-sdk-go v1 reads another credential in %s/%s", r.SecretNamespace, r.SecretName)
		}
		for _, as := range []func(*configv2.LoadSharedConfigOptions){
			func(o *configv2.LoadSharedConfigOptions) {
				o.CredentialsFiles, o.ConfigFiles = []string{file}, []string{}
			},
			func(o *configv2.LoadSharedConfigOptions) {
				o.CredentialsFiles, o.ConfigFiles = []string{}, []string{file}
			},
		} {
			v2, err := configv2.LoadSharedConfigProfile(t.Context(), "default", as)
			must(t, err)
			if c := v2.Credentials; c.AccessKeyID != v1.AccessKeyID || c.SecretAccessKey != wantSecret || c.SessionToken != wantToken {
				t.Errorf("aws-sdk-go v2 reads another credential in %s/%s", r.SecretNamespace, r.SecretName)
			}
		}
	}
}

// CAP returns the same credential until most of its lifetime is over: nothing is written, because a write restarts the consumers of the Secret.
func TestWriting_TheSameCredentialIsNotWrittenAgain(t *testing.T) {
	w := newCAPWorld(t, time.Hour, func(o *cap.Options) { o.Settings.ReuseUntilPercent = 80 })
	w.start()
	w.create()
	w.eventuallyFresh()
	before := w.contents("")
	w.cap.ResetCounts()
	w.api.Forget()
	w.eventuallyRefreshed(w.requestRefresh())
	w.eventually("both roles have been requested from CAP", func(context.Context) error {
		return wantCalls(w.cap.Counts(), 1, 1)
	})
	w.stop()
	w.start() // the Secrets have the earlier time; a new process sends at most one more request, and writes nothing either
	w.looked(w.operator)
	w.stop()
	if writes := w.secretWrites(); len(writes) != 0 {
		t.Errorf("the same credential was written: %v", writes)
	}
	if n := w.cap.Counts().Requests; n > 4 {
		t.Errorf("CAP was asked %d times", n)
	}
	if !sameContents(before, w.contents("")) {
		t.Error("the Secrets have changed")
	}
}

// An immutable Secret.
func TestWriting_AnImmutableSecretSaysWhatToDo(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	yes := true
	frozen := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: machineNamespace, Name: machineSecret}, Immutable: &yes} // empty, so it has no other owner
	must(t, w.client.Create(t.Context(), frozen))
	w.start()
	w.create()
	row := w.eventuallyRow(machineNamespace, machineSecret, v1alpha1.ReasonWriteRefused)
	if err := missing(row.Message, "immutable", "Delete it"); err != nil {
		t.Error(err)
	}
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "6/7")
	must(t, w.client.Delete(t.Context(), frozen))
	w.eventuallyFresh()
}
