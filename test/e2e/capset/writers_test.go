package capset

// Other writers of the same Secrets.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// mode sets the cloud-credential-operator's mode.
func (w *capWorld) mode(mode operatorv1.CloudCredentialsMode) {
	w.t.Helper()
	cco := &operatorv1.CloudCredential{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	patch := fmt.Sprintf(`{"spec":{"credentialsMode":%q}}`, mode)
	must(w.t, w.client.Patch(w.t.Context(), cco, client.RawPatch(types.MergePatchType, []byte(patch))))
}

func TestWriters_SecretsOfTheCloudCredentialOperatorAreKeptOnlyInModeManual(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.mode(operatorv1.CloudCredentialsModeMint)
	w.start()
	w.create()
	for _, mode := range []operatorv1.CloudCredentialsMode{operatorv1.CloudCredentialsModeMint, operatorv1.CloudCredentialsModePassthrough, operatorv1.CloudCredentialsModeDefault} {
		w.mode(mode)
		word := string(mode)
		if word == "" {
			word = "Default"
		}
		c := w.eventuallyCondition(v1alpha1.ConditionReady, v1alpha1.ReasonCredentialsModeNotManual, "in mode "+word, "credentialsMode", "Manual")
		if c.Status != metav1.ConditionFalse {
			t.Errorf("in mode %s Ready is %s", word, c.Status)
		}
	}
	if n, writes := w.cap.Counts().Requests, w.secretWrites(); n != 0 || len(writes) != 0 {
		t.Errorf("%d requests to CAP, and the writes %v", n, writes)
	}
	w.eventuallyEvent(v1alpha1.ReasonCredentialsModeNotManual, "Manual")
	// The default mode with the ConfigMap that switched the operator off before 4.6 is the same as Manual.
	legacy := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-cloud-credential-operator", Name: "cloud-credential-operator-config"},
		Data:       map[string]string{"disabled": "true"},
	}
	must(t, w.client.Create(t.Context(), legacy))
	w.eventuallyFresh()
	must(t, w.client.Delete(t.Context(), legacy))
	w.eventuallyCondition(v1alpha1.ConditionReady, v1alpha1.ReasonCredentialsModeNotManual)
	w.mode(operatorv1.CloudCredentialsModeManual)
	w.eventuallyFresh()
}

func TestWriters_OfTwoSetsTheOlderKeepsASecretUntilItIsDeleted(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	older := w.set()
	older.Name = "older"
	older.Spec.CredentialsRequests = &v1alpha1.CredentialsRequestsSpec{Selector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"nobody": "has-this"}}}
	older.Spec.Secrets = []v1alpha1.SecretRole{ownSecretRef(machineNamespace, machineSecret, platformRole)}
	must(t, w.client.Create(t.Context(), older))
	w.eventually("the next second, because creation times have whole seconds", func(context.Context) error {
		if time.Now().Before(older.CreationTimestamp.Add(time.Second)) {
			return errors.New("not yet")
		}
		return nil
	})
	w.start()
	w.create()
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "6/7")
	row := w.eventuallyRow(machineNamespace, machineSecret, v1alpha1.ReasonConflict)
	if err := missing(row.Message, "CAPCredentialSet older", "Remove it"); err != nil {
		t.Error(err)
	}
	keeper := func(name string) {
		t.Helper()
		w.eventually(name+" keeps the Secret", func(context.Context) error {
			if got := w.secret(machineNamespace, machineSecret).Annotations[v1alpha1.CredentialSetAnnotation]; got != name {
				return fmt.Errorf("it is %q", got)
			}
			return nil
		})
	}
	keeper("older")
	must(t, w.client.Delete(t.Context(), older))
	w.eventuallyFresh()
	keeper(setName)
}

func TestWriters_ARunningCronJobOfCapTokenRefreshIsNamed(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	must(t, harness.CreateNamespace(t.Context(), w.client, "cap-token-refresh"))
	pod := corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyOnFailure, Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	must(t, w.client.Create(t.Context(), &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "cap-token-refresh", Name: "cap-token-refresh"},
		Spec:       batchv1.CronJobSpec{Schedule: "*/30 * * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: pod}}},
	}))
	w.start()
	w.create()
	c := w.eventuallyCondition(v1alpha1.ConditionSecondWriter, v1alpha1.ReasonLegacyCronJob, "cap-token-refresh/cap-token-refresh", "*/30 * * * *")
	w.eventuallyEvent(v1alpha1.ReasonLegacyCronJob, "cap-token-refresh")
	w.eventuallyFresh() // it is only a warning; the credentials are still kept
	w.execute(w.command(c.Message))
	w.eventuallyCondition(v1alpha1.ConditionSecondWriter, v1alpha1.ReasonNoSecondWriter)
}

// A user's edit, the result of an error in cap-token-refresh, and a deletion are corrected at once, without a request to CAP if another
// Secret of the role has the credential.
func TestWriters_AnEditAndADeletionAreCorrectedAtOnce(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	good := w.secret(machineNamespace, machineSecret)
	w.cap.Stop() // CAP is not needed either
	back := func(what string) {
		t.Helper()
		w.eventually(what+" is corrected", func(ctx context.Context) error {
			s := &corev1.Secret{}
			if err := w.client.Get(ctx, client.ObjectKey{Namespace: machineNamespace, Name: machineSecret}, s); err != nil {
				return err
			}
			if !sameContents(map[string]map[string][]byte{"": good.Data}, map[string]map[string][]byte{"": s.Data}) {
				return errors.New("not yet")
			}
			return nil
		})
	}
	w.rewrite(machineNamespace, machineSecret, "kubectl-edit", func(s *corev1.Secret) { s.Data["aws_access_key_id"] = []byte("AKIAIOSFODNN7EXAMPLE") })
	back("an edit")
	w.eventuallyEvent(v1alpha1.ReasonSecretEdited, machineNamespace+"/"+machineSecret, `"kubectl-edit"`)
	w.rewrite(machineNamespace, machineSecret, "cap-token-refresh", func(s *corev1.Secret) {
		maps.Copy(s.Data, map[string][]byte{"aws_access_key_id": {}, "aws_secret_access_key": {}, "credentials": []byte("[default]\naws_access_key_id = \n")})
	})
	back("an emptied Secret")
	w.rewrite(csiNamespace, "ebs-cloud-credentials", "another-program", func(s *corev1.Secret) { s.Data["credentials"] = []byte{} })
	w.eventuallyEvent(v1alpha1.ReasonSecretEdited, csiNamespace+"/ebs-cloud-credentials", `"another-program"`) // not only the first is reported
	must(t, w.client.Delete(t.Context(), good.DeepCopy()))
	back("a deletion")
	w.eventuallyFresh()
	if n := w.cap.Counts().Requests; n != 2 {
		t.Errorf("%d requests to CAP, want the two of the first refresh", n)
	}

	// The hash is keyed, so that without the key guesses cannot be tested against it.
	noted := w.secret(machineNamespace, machineSecret).Annotations[v1alpha1.SealAnnotation]
	for key, value := range good.Data {
		if plain := sha256.Sum256(value); strings.Contains(noted, hex.EncodeToString(plain[:])) {
			t.Errorf("the annotation is the plain hash of %s", key)
		}
	}
}

// A deleted Secret gets its credential back although no other has one of its role; edits of other keys are ignored.
func TestWriters_ADeletedSecretIsRestoredWithoutARequestAndAForeignKeyStays(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create(w.aRoleEach)
	w.eventuallyFresh()
	w.cap.ResetCounts()
	w.api.Forget()
	w.rewrite("openshift-ingress-operator", "cloud-credentials", "a-person", func(s *corev1.Secret) {
		s.Data["note"] = []byte("call me")
		metav1.SetMetaDataLabel(&s.ObjectMeta, "team", "ingress")
	})
	must(t, w.client.Delete(t.Context(), w.secret(machineNamespace, machineSecret)))
	w.eventually("the Secret is back", func(context.Context) error {
		if !w.has(machineNamespace, machineSecret) {
			return errors.New("not yet")
		}
		return nil
	})
	w.eventuallyFresh()
	if counts := w.cap.Counts(); counts.Requests != 0 {
		t.Errorf("%v requests to CAP", counts.ByRole)
	}
	if writes := w.secretWrites(); len(writes) != 1 {
		t.Errorf("the writes are %q, want the one of the deleted Secret", writes)
	}
}

// A repeated writer is a program: it is named, and does not cause a request to CAP and a restart of consumers each time.
func TestWriters_ARepeatedWriterIsNamedAndCorrectedLessAndLessOften(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	w.api.Forget()
	for i := range 4 {
		w.rewrite(machineNamespace, machineSecret, "other-operator", func(s *corev1.Secret) { s.Data["credentials"] = fmt.Appendf(nil, "theirs %d", i) })
		if i == 3 {
			break
		}
		w.eventually("the edit is corrected", func(context.Context) error {
			if strings.HasPrefix(string(w.secret(machineNamespace, machineSecret).Data["credentials"]), "theirs") {
				return errors.New("not yet")
			}
			return nil
		})
	}
	w.eventuallyCondition(v1alpha1.ConditionSecondWriter, v1alpha1.ReasonWriterFight, machineNamespace+"/"+machineSecret, `"other-operator"`)
	row := w.eventuallyRow(machineNamespace, machineSecret, v1alpha1.ReasonWriterFight)
	if row.NextRefresh == nil || row.NextRefresh.Time.Before(time.Now().Add(10*time.Second)) {
		t.Errorf("it is corrected again at %v", row.NextRefresh)
	}
	if n := w.patches(); n != 3 {
		t.Errorf("%d writes against four of the other writer, want 3", n)
	}
	if n := w.cap.Counts(); n.ByOutcome[cap.OutcomeIssued] != 2 {
		t.Errorf("%v requests to CAP", n.ByRole)
	}
}
