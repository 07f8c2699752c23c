package bootstrap

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// legacyNamespace is that of cap-token-refresh.
const legacyNamespace = "cap-token-refresh"

// served are the CredentialsRequests that cap-token-refresh has Secrets for: all except the newest.
func served() []harness.Request {
	var requests []harness.Request
	for _, r := range payload() {
		if r.Name != "openshift-cloud-network-config-controller-aws" {
			requests = append(requests, r)
		}
	}
	return requests
}

// All commands of the page "Moving from cap-token-refresh", on a cluster with that project's own objects. Every state of a Secret
// has a valid credential and the key "role", and all except those written by the CronJob have the session token.
func TestMoving_ThePageReplacesTheCronJobWithoutAGap(t *testing.T) {
	capSim, cluster := newPortal(t), newCluster(t)
	page, shell := readPage(t, "moving-from-cap-token-refresh.md"), cluster.shell()
	capSim.writeFiles(shell)
	cluster.legacy(shell, capSim)
	watched := cluster.watchSecrets(capSim)

	found := shell.run(page.next("1. See what is there", "sh"))
	for name, value := range capSim.values() {
		if line := name + "=" + value + "\n"; name != "INSTALL_ROLE" && !strings.Contains(found, line) {
			t.Errorf("the page's command does not find %s; it prints\n%s", line, found)
		}
	}
	roles := shell.run(page.next("1. See what is there", "sh"))
	for _, r := range served() {
		if line := r.Name + ": " + roleOf[r.Name] + "\n"; !strings.Contains(roles, line) {
			t.Errorf("the page's command does not find %s; it prints\n%s", line, roles)
		}
	}
	if !strings.Contains(roles, "openshift-cloud-network-config-controller-aws: \n") {
		t.Errorf("the request without a role is not reported:\n%s", roles)
	}

	root, err := harness.RepositoryRoot()
	must(t, err)
	install, err := os.ReadFile(filepath.Join(root, "config", "install.yaml"))
	must(t, err)
	shell.write("install.yaml", install)
	shell.run(page.next("2. Install the operator", "sh"))
	cluster.runDeployment(capSim)

	shell.run(page.next("3. Give it the client certificate", "sh"))
	set := page.next("4. Create the set", "yaml")
	values := capSim.values()
	shell.write("cap.yaml", []byte(withValues(t, set, map[string]string{"url": values["CAP_URL"], "agency": values["AGENCY"], "mission": values["MISSION"]})))
	capSim.ResetCounts()
	shell.run(page.next("4. Create the set", "sh"))
	capSim.wantCalls(t, manyRoles)
	cluster.wantRefreshed(capSim)
	message := cluster.eventuallyReason(v1alpha1.ConditionSecondWriter, v1alpha1.ReasonLegacyCronJob)
	if !strings.Contains(message, "cap-token-refresh/cap-token-refresh") {
		t.Errorf("the second writer is not named: %s", message)
	}

	cluster.cronJobRuns(capSim, shell)
	cluster.eventually("the CronJob's write is corrected", func(ctx context.Context) error {
		for _, r := range served() {
			if byCronJob(cluster.secret(r)) {
				return fmt.Errorf("%s still has the CronJob's credential", r.Name)
			}
		}
		return nil
	})

	shell.run(page.next("5. Suspend the CronJob", "sh"))
	cluster.eventuallyReason(v1alpha1.ConditionSecondWriter, v1alpha1.ReasonNoSecondWriter)
	shell.run(page.next("6. Remove cap-token-refresh", "sh"))
	cluster.wantRefreshed(capSim)

	page.done()
	watched.end(t, cluster)
	shell.wantNoSecrets(capSim.canaries())
}

// legacy makes the cluster use cap-token-refresh: its objects, and a first run of its CronJob.
func (c *cluster) legacy(shell *shell, portal *portal) {
	c.t.Helper()
	must(c.t, c.InstallOpenShiftKinds(c.t.Context()))
	must(c.t, harness.SeedCluster(c.t.Context(), c.Client, harness.Cluster{}))
	for _, r := range harness.PayloadRequests() {
		if roleOf[r.Name] == "" { // tech preview
			must(c.t, c.Client.Delete(c.t.Context(), r.Object()))
		}
	}
	copyLegacyManifests(c.t, shell, portal)
	shell.run("oc create -f manifests/cap-namespace.yaml && rm manifests/cap-namespace.yaml && oc create -f manifests")
	must(c.t, c.Client.Create(c.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: legacyNamespace, Name: "cap-certs"},
		Data:       map[string][]byte{"cap.pem": portal.certificate, "cap.key": portal.key, "ca-chain.cert.pem": portal.CAPEM()},
	}))
	c.cronJobRuns(portal, shell)
}

// cronJobRuns does what a Job of cap-token-refresh does: one request per Secret, for the role under its key "role", and a patch with
// two keys and a credentials file of two lines. It drops the session token, which does not matter in these tests.
func (c *cluster) cronJobRuns(portal *portal, shell *shell) {
	c.t.Helper()
	job := &batchv1.CronJob{}
	must(c.t, c.Client.Get(c.t.Context(), client.ObjectKey{Namespace: legacyNamespace, Name: "cap-token-refresh"}, job))
	env := map[string]string{}
	for _, variable := range job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Env {
		env[variable.Name] = variable.Value
	}
	for _, r := range served() {
		secret := c.secret(r)
		query := url.Values{"agency": {env["AGENCY"]}, "mission": {env["MISSION"]}, "role": {string(secret.Data["role"])}}
		resp, err := askCAP(env["CAP_URL"]+"?"+query.Encode(), shell.path("cap.pem"), shell.path("cap.key"), shell.path("ca-chain.cert.pem"))
		must(c.t, err)
		var body struct {
			Credentials struct{ AccessKeyID, SecretAccessKey string }
		}
		must(c.t, json.NewDecoder(resp.Body).Decode(&body))
		must(c.t, resp.Body.Close())
		id, key := body.Credentials.AccessKeyID, body.Credentials.SecretAccessKey
		patch, err := json.Marshal(map[string]any{"stringData": map[string]string{
			"aws_access_key_id": id, "aws_secret_access_key": key,
			"credentials": "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = " + key + "\n",
		}})
		must(c.t, err)
		must(c.t, c.Client.Patch(c.t.Context(), secret, client.RawPatch(types.StrategicMergePatchType, patch), client.FieldOwner(cronJobWriter)))
	}
}

// cronJobWriter is the field manager of a Job of cap-token-refresh, which uses `oc patch`.
const cronJobWriter = "kubectl-patch"

// byCronJob reports whether the CronJob wrote the access key in a Secret.
func byCronJob(secret *corev1.Secret) bool {
	return slices.ContainsFunc(secret.ManagedFields, func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == cronJobWriter && strings.Contains(string(f.FieldsV1.GetRawBytes()), `"f:aws_access_key_id"`)
	})
}

// watching records every state of some Secrets.
type watching struct {
	watches []watch.Interface
	wait    sync.WaitGroup

	mu     sync.Mutex
	states map[string]int
	// latest is the resource version of the last state, by the request's name.
	latest map[string]string
	wrong  []string
	ended  bool
}

// watchSecrets starts to record every state of the Secrets that cap-token-refresh serves.
func (c *cluster) watchSecrets(portal *portal) *watching {
	c.t.Helper()
	watcher, err := client.NewWithWatch(c.Admin, client.Options{Scheme: c.Scheme})
	must(c.t, err)
	w := &watching{states: map[string]int{}, latest: map[string]string{}}
	for _, r := range served() {
		role := c.secret(r).Data["role"]
		events, err := watcher.Watch(c.t.Context(), &corev1.SecretList{}, client.InNamespace(r.SecretNamespace),
			client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector(metav1.ObjectNameField, r.SecretName)})
		must(c.t, err)
		w.watches = append(w.watches, events)
		w.wait.Go(func() {
			for event := range events.ResultChan() {
				w.saw(r, event, role, portal)
			}
		})
	}
	return w
}

func (w *watching) saw(r harness.Request, event watch.Event, role []byte, portal *portal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return // the end of a watch is an error, too
	}
	secret, ok := event.Object.(*corev1.Secret)
	if !ok || event.Type == watch.Deleted {
		w.wrong = append(w.wrong, fmt.Sprintf("%s: %s", r.Name, event.Type))
		return
	}
	w.states[r.Name]++
	w.latest[r.Name] = secret.ResourceVersion
	credential, err := awscreds.Parse(secret.Data)
	if byCronJob(secret) {
		credential = awscreds.Credential{AccessKeyID: string(secret.Data["aws_access_key_id"]), SecretAccessKey: string(secret.Data["aws_secret_access_key"])}
		err = nil
	}
	if err == nil {
		_, err = portal.live(credential)
	}
	if err != nil {
		w.wrong = append(w.wrong, fmt.Sprintf("%s, state %d: %v", r.Name, w.states[r.Name], err))
	}
	if !bytes.Equal(secret.Data["role"], role) {
		w.wrong = append(w.wrong, fmt.Sprintf("%s, state %d: the key role has changed", r.Name, w.states[r.Name]))
	}
}

// end waits until all states have been seen, and returns the mistakes.
func (w *watching) end(t *testing.T, c *cluster) {
	t.Helper()
	c.eventually("the last state of each Secret has been seen", func(context.Context) error {
		for _, r := range served() {
			now := c.secret(r).ResourceVersion
			w.mu.Lock()
			seen := w.latest[r.Name]
			w.mu.Unlock()
			if seen != now {
				return fmt.Errorf("%s was last seen at %s, but is at %s", r.Name, seen, now)
			}
		}
		return nil
	})
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	for _, events := range w.watches {
		events.Stop()
	}
	w.wait.Wait()
	for _, wrong := range w.wrong {
		t.Error(wrong)
	}
	for _, r := range served() {
		// The initial state, the operator's first refresh, the CronJob's run, and the correction.
		if n := w.states[r.Name]; n < 4 {
			t.Errorf("only %d states of the Secret of %s were seen", n, r.Name)
		}
	}
}
