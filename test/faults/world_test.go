package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

const (
	// objectName is the name of both our objects.
	objectName = "faults"
	// foreign is an entry that OCM does not know, and that must survive everything.
	foreign     = "registry.example.com"
	foreignAuth = "c29tZWJvZHk6ZWxzZQ=="
	// capCanary is in every secret that CAP issues.
	capCanary = "cApFaUlTcAnArY"
	// role is the only one of CAP.
	role = "role"
)

// world is a cluster with both our objects, the services that they need, and two replicas of the operator, of which each has a proxy of its own in
// front of the API server.
type world struct {
	t            *testing.T
	ocm          *ocm.Sim
	cap          *cap.Sim
	registries   *registry.Sim
	account      ocm.Account
	installation *harness.Installation
	proxy        *proxy.Proxy
	mco          *harness.MachineConfigOperator
	replicas     []*replica
	// asked is the last T and the last request to refresh.
	asked time.Time
	// rotations is how many T there have been.
	rotations int
}

// replica is one process of the operator, and what it sends to the API server.
type replica struct {
	name    string
	api     *harness.Tap
	config  harness.OperatorConfig
	process *harness.OperatorProcess
}

func newWorld(t *testing.T, replicas int, args ...string) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t}
	w.must(harness.Reset(ctx, cp.Client))
	w.startServices()
	var err error
	w.installation, err = harness.InstallOperator(ctx, cp.Client)
	w.must(err)
	w.startMCO()
	t.Cleanup(func() { _ = w.mco.Stop() }) // Its API server is taken away.
	w.createInputs()
	for i := range replicas {
		w.addReplica(fmt.Sprintf("operator-%d", i), args...)
	}
	t.Cleanup(w.noSecretGotOut)
	return w
}

// startMCO starts the machine-config-operator in place of the former one, if there is one.
func (w *world) startMCO() {
	w.t.Helper()
	if w.mco != nil {
		_ = w.mco.Stop() // It fails while there is no API server.
	}
	var err error
	w.mco, err = harness.StartMachineConfigOperator(context.WithoutCancel(w.t.Context()), cp.Client, 100*time.Millisecond, 20*time.Millisecond)
	w.must(err)
}

// startServices starts OCM, the registries and CAP, and creates the objects of a cluster.
func (w *world) startServices() {
	w.t.Helper()
	w.ocm = ocm.StartForTest(w.t, ocm.Options{StepPerLook: 6 * time.Hour, PresentStamps: true})
	w.account = w.ocm.AddAccount(ocm.AccountSpec{})
	var err error
	w.registries, err = registry.New(registry.Options{CA: w.ocm.CA(), Directory: w.ocm})
	w.must(err)
	w.must(w.registries.Start())
	w.t.Cleanup(w.registries.Close)
	digest, err := w.registries.AddImage(registry.Quay, "openshift-release-dev/ocp-release", "4.20.1-x86_64", registry.Subscribers)
	w.must(err)
	_, err = w.registries.AddImage(registry.RedHatRegistry, "ubi8/ubi", "latest", registry.Subscribers)
	w.must(err)
	w.cap, err = cap.New(cap.Options{Roles: map[string]string{role: "111111111111"}, Canary: capCanary, Settings: cap.Settings{Lifetime: simctl.Duration(12 * time.Hour)}})
	w.must(err)
	w.must(w.cap.Start())
	w.t.Cleanup(w.cap.Close)
	w.proxy = proxy.New(w.registries.Routes(), w.ocm.Routes())
	w.must(w.proxy.Start())
	w.t.Cleanup(w.proxy.Close)
	w.ocm.AddCluster(w.account.ID, ocm.ClusterSpec{ID: harness.DefaultClusterID, Name: "this-cluster", Token: func() string { return w.entry("cloud.openshift.com") }})
	w.ocm.AddCluster(w.account.ID, ocm.ClusterSpec{Name: "sibling", Mode: ocm.SwitchesSoon})
	var document struct {
		Auths map[string]any `json:"auths"`
	}
	w.must(json.Unmarshal(w.ocm.PullSecret(w.account.ID), &document))
	document.Auths[foreign] = map[string]string{"auth": foreignAuth}
	pullSecret, err := json.Marshal(document)
	w.must(err)
	w.must(harness.SeedCluster(w.t.Context(), cp.Client, harness.Cluster{
		PullSecret: pullSecret, ReleaseImage: registry.Quay + "/openshift-release-dev/ocp-release@" + digest,
	}))
}

// createInputs creates what a person puts into the operator's namespace.
func (w *world) createInputs() {
	w.t.Helper()
	certificate, key, err := w.cap.ClientCertificate("operator")
	w.must(err)
	for _, o := range []client.Object{
		&corev1.ConfigMap{ObjectMeta: w.own("ca"), Data: map[string]string{"ca-bundle.crt": string(w.ocm.CA().PEM())}},
		&corev1.Secret{ObjectMeta: w.own("ocm"), Data: map[string][]byte{"token": []byte(w.ocm.OfflineToken(w.account.ID))}},
		&corev1.Secret{ObjectMeta: w.own("cap-client"), Data: map[string][]byte{"tls.crt": certificate, "tls.key": key, "ca.crt": w.cap.CAPEM()}},
	} {
		w.must(harness.Ensure(w.t.Context(), cp.Client, o))
	}
}

func (w *world) own(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.installation.Namespace, Name: name}
}

// createObjects creates both our objects. Nothing is due, except that the Secrets of CAP's credentials are missing.
func (w *world) createObjects() {
	w.t.Helper()
	later := metav1.NewTime(time.Now().Add(24 * time.Hour))
	w.must(cp.Client.Create(w.t.Context(), &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: objectName}, Spec: v1alpha1.PullSecretRotationSpec{
		Mode: v1alpha1.ModeRotate, RotateAfter: &later, SiblingClusters: v1alpha1.SiblingsAllow,
		OCM: v1alpha1.OCMSpec{CredentialsSecretRef: &v1alpha1.LocalReference{Name: "ocm"}, CABundleConfigMapRef: &v1alpha1.LocalReference{Name: "ca"}},
	}}))
	query := w.cap.Query(cap.C2S, role)
	w.must(cp.Client.Create(w.t.Context(), &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: objectName}, Spec: v1alpha1.CAPCredentialSetSpec{
		Endpoint: v1alpha1.CAPEndpoint{
			URL: w.cap.Endpoint(cap.C2S), Dialect: v1alpha1.DialectC2S, Agency: query.Get("agency"), Mission: query.Get("mission"),
			ClientCertificateSecretRef: v1alpha1.LocalReference{Name: "cap-client"},
		},
		CredentialsRequests: &v1alpha1.CredentialsRequestsSpec{DefaultRole: role},
	}}))
}

// addReplica prepares a replica, which start starts.
func (w *world) addReplica(name string, args ...string) {
	w.t.Helper()
	api, err := harness.StartAPIProxy(cp)
	w.must(err)
	w.t.Cleanup(func() { _ = api.Close() })
	r := &replica{name: name, api: api}
	r.config = harness.OperatorConfig{
		Namespace: w.installation.Namespace, Dir: w.t.TempDir(),
		// The services are fast here, so the operator polls often.
		Args: append([]string{"--zap-log-level=info", "--pull-secret-poll-min=500ms", "--pull-secret-poll-max=1s", "--pull-secret-revoke-poll-min=500ms",
			"--pull-secret-revoke-poll-max=1s", "--pull-secret-pool-poll=500ms", "--ocm-timeout=2s", "--pull-secret-request-spread=500ms",
			"--pull-secret-verify-retry=500ms", "--pull-secret-verify-deadline=3s", "--pull-secret-proof-retry=500ms", "--pull-secret-proof-deadline=3s",
			"--pull-secret-proof-interval=500ms"}, args...),
		Env: []string{"HTTPS_PROXY=" + w.proxy.URL(), "NO_PROXY=127.0.0.1", "POD_NAME=" + name},
	}
	w.refreshKubeconfig(r)
	w.replicas = append(w.replicas, r)
}

// refreshKubeconfig gives the replica a token of its service account.
func (w *world) refreshKubeconfig(r *replica) {
	w.t.Helper()
	var err error
	r.config.Kubeconfig, err = w.installation.Kubeconfig(w.t.Context(), cp.Client, r.api.URL, r.api.CAPEM)
	w.must(err)
}

// start starts a replica, as the kubelet does after an exit.
func (w *world) start(r *replica) {
	w.t.Helper()
	p, err := harness.StartOperator(w.t.Context(), r.config)
	w.must(err)
	r.process = p
	w.t.Cleanup(p.Kill)
}

// revive starts those replicas whose process has ended.
func (w *world) revive(replicas ...*replica) {
	w.t.Helper()
	for _, r := range replicas {
		select {
		case <-r.process.Exited():
			w.start(r)
		default:
		}
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// entry is the auth of a registry in the cluster's pull secret; empty if it cannot be read.
func (w *world) entry(of string) string {
	s := &corev1.Secret{}
	if err := cp.Client.Get(context.Background(), client.ObjectKey{Namespace: harness.PullSecretNamespace, Name: harness.PullSecretName}, s); err != nil {
		return ""
	}
	return auth(s.Data[corev1.DockerConfigJsonKey], of)
}

func auth(document []byte, registry string) string {
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if json.Unmarshal(document, &d) != nil {
		return ""
	}
	return d.Auths[registry].Auth
}

// ask makes a rotation and a refresh due now.
func (w *world) ask(ctx context.Context) error {
	// A second later than the last time, because times have whole seconds.
	at := time.Now().Truncate(time.Second)
	if !at.After(w.asked) {
		at = w.asked.Add(time.Second)
	}
	rotate := fmt.Appendf(nil, `{"spec":{"rotateAfter":%q}}`, at.UTC().Format(time.RFC3339))
	if err := cp.Client.Patch(ctx, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: objectName}}, client.RawPatch(types.MergePatchType, rotate)); err != nil {
		return err
	}
	refresh := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.RefreshRequestedAnnotation, at.UTC().Format(time.RFC3339))
	if err := cp.Client.Patch(ctx, &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: objectName}}, client.RawPatch(types.MergePatchType, refresh)); err != nil {
		return err
	}
	w.asked = at
	w.rotations++
	return nil
}

// right is nil once what was asked for last is done, and everything is as it should be.
func (w *world) right(ctx context.Context) error {
	r, s := &v1alpha1.PullSecretRotation{}, &v1alpha1.CAPCredentialSet{}
	if err := cp.Client.Get(ctx, client.ObjectKey{Name: objectName}, r); err != nil {
		return err
	}
	if err := cp.Client.Get(ctx, client.ObjectKey{Name: objectName}, s); err != nil {
		return err
	}
	if text := wrong(r.Status.Conditions, v1alpha1.ReasonNotDue); text != "" {
		return fmt.Errorf("the rotation is not right: %s", text)
	}
	if text := wrong(s.Status.Conditions, v1alpha1.ReasonFresh); text != "" {
		return fmt.Errorf("the set is not right: %s", text)
	}
	if w.rotations > 0 {
		if done := r.Status.Rotation; done == nil || done.After == nil || !done.After.Time.Equal(w.asked) || done.RevokedAt == nil {
			return fmt.Errorf("the rotation for %s has not ended: %+v", w.asked.UTC().Format(time.RFC3339), done)
		}
		for _, row := range s.Status.Targets {
			if row.RefreshedAt == nil || row.RefreshedAt.Time.Before(w.asked) {
				return fmt.Errorf("%s/%s has not been refreshed since %s", row.Namespace, row.Name, w.asked.UTC().Format(time.RFC3339))
			}
		}
	}
	return w.contents(ctx)
}

// wrong is what Ready says if it is not True with the reason.
func wrong(conditions []metav1.Condition, reason string) string {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if c == nil {
		return "there is no condition Ready"
	}
	if c.Status != metav1.ConditionTrue || c.Reason != reason {
		return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
	}
	return ""
}

// contents is nil if every Secret has what it should have.
func (w *world) contents(ctx context.Context) error {
	issued := w.ocm.PullSecret(w.account.ID)
	for _, of := range ocm.Registries {
		if w.entry(of) != auth(issued, of) {
			return fmt.Errorf("the pull secret does not have the current entry of %s", of)
		}
	}
	if w.entry(foreign) != foreignAuth {
		return fmt.Errorf("the foreign entry is lost")
	}
	valid := map[string]bool{}
	for _, k := range w.cap.Keys() {
		valid[k.AccessKeyID] = k.Expires.After(time.Now())
	}
	for _, q := range harness.PayloadRequests() {
		s := &corev1.Secret{}
		if err := cp.Client.Get(ctx, client.ObjectKey{Namespace: q.SecretNamespace, Name: q.SecretName}, s); err != nil {
			return err
		}
		if !valid[string(s.Data["aws_access_key_id"])] {
			return fmt.Errorf("%s/%s has a key that CAP does not know", q.SecretNamespace, q.SecretName)
		}
	}
	return nil
}

// eventually waits, and starts the operator again when it ends meanwhile.
func (w *world) eventually(what string, f func(ctx context.Context) error) {
	w.t.Helper()
	harness.Eventually(w.t, what, func(ctx context.Context) error {
		w.revive(w.replicas...)
		return f(ctx)
	}, w.explain)
}

func (w *world) explain(ctx context.Context) string {
	text := fmt.Sprintf("requests to OCM: %v\n", w.ocm.Counts())
	for _, r := range w.replicas {
		if r.process != nil {
			text += "--- " + r.name + "\n" + r.process.LogTail(25) + "\n"
		}
	}
	return text + harness.Dump(ctx, cp.Client)
}

// noSecretGotOut looks for secrets in everything that is not one.
func (w *world) noSecretGotOut() {
	canaries := harness.Canaries{}
	for i, value := range w.ocm.Canaries() {
		canaries[fmt.Sprintf("value %d of OCM", i)] = value
	}
	for i, value := range w.cap.IssuedSecrets() {
		canaries[fmt.Sprintf("secret %d of CAP", i)] = value
	}
	texts := map[string]string{}
	for _, r := range w.replicas {
		if r.process == nil {
			continue
		}
		r.process.Kill()
		log, err := r.process.Logs()
		if err != nil {
			w.t.Error(err)
		}
		texts[r.process.LogFile] = string(log)
	}
	found, err := canaries.Scan(context.Background(), cp.Client, texts)
	if err != nil || len(found) > 0 {
		w.t.Errorf("secrets leaked: %v %s", err, strings.Join(found, "; "))
	}
}
