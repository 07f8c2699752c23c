package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// names are some that the shipped rights cover in every namespace.
var names = []string{
	"cloud-credential-operator-iam-ro-creds", "ebs-cloud-credentials", "installer-cloud-credentials", "cloud-credentials",
	"aws-cloud-credentials", "capa-manager-bootstrap-credentials", "aws-efs-cloud-credentials", "node-aws-efs-cloud-credentials",
}

const (
	certificateName = "cap-client-certificate"
	// mostRoles share the Secrets, and perSet is how many a set keeps; the API takes no more than 2,000.
	mostRoles, perSet = 100, 2000
	// foreignSize is that of a large Secret, such as a Helm release.
	foreignSize = 32 << 10
	// sideBySide is how many requests the setup sends in parallel.
	sideBySide = 16
)

// scene is a control plane with CAP and the target Secrets.
type scene struct {
	dir              string
	cp               *harness.ControlPlane
	cap              *cap.Sim
	installation     *harness.Installation
	kubeconfig, task string
	peerKubeconfig   string
	secrets, foreign int
	refs             []types.NamespacedName
	byRole           map[string][]types.NamespacedName
	sets             []*v1alpha1.CAPCredentialSet
	watch            *watch
	// servers are the processes of the control plane by name.
	servers map[string]int
	// asked is when work was last asked for.
	asked    time.Time
	messages io.Writer
}

func newScene(ctx context.Context, secrets, foreign int, messages io.Writer) (s *scene, err error) {
	s = &scene{secrets: secrets, foreign: foreign, byRole: map[string][]types.NamespacedName{}, messages: messages}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.say("%d Secrets, %d foreign ones: setting up", secrets, foreign)
	if s.dir, err = os.MkdirTemp("", "bench-peers-scene-"); err != nil {
		return s, err
	}
	if s.cp, err = harness.StartControlPlane(ctx); err != nil {
		return s, err
	}
	for _, step := range []func(context.Context) error{s.install, s.portal, s.layOut, s.crowd, s.look} {
		if err := step(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *scene) say(format string, args ...any) { _, _ = fmt.Fprintf(s.messages, format+"\n", args...) }

func (s *scene) close() error {
	if s.watch != nil {
		s.watch.stop()
	}
	if s.cap != nil {
		s.cap.Close()
	}
	var err error
	if s.cp != nil {
		err = s.cp.Stop()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// install creates the operator's identity with the shipped rights. The other programs are a ServiceAccount too, with all rights.
func (s *scene) install(ctx context.Context) error {
	if err := harness.SeedCluster(ctx, s.cp.Client, harness.Cluster{}); err != nil {
		return err
	}
	for _, r := range harness.PayloadRequests() {
		if err := s.cp.Client.Delete(ctx, r.Object()); err != nil {
			return err
		}
	}
	var err error
	if s.installation, err = harness.InstallOperator(ctx, s.cp.Client); err != nil {
		return err
	}
	peer := &harness.Installation{Namespace: s.installation.Namespace, ServiceAccount: "peer"}
	err = errors.Join(
		s.cp.Client.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: peer.Namespace, Name: peer.ServiceAccount}}),
		s.cp.Client.Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "peer"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: peer.Namespace, Name: peer.ServiceAccount}},
		}),
	)
	if err != nil {
		return err
	}
	s.kubeconfig, s.peerKubeconfig = filepath.Join(s.dir, "kubeconfig"), filepath.Join(s.dir, "peer-kubeconfig")
	return errors.Join(s.writeKubeconfig(ctx, s.installation, s.kubeconfig), s.writeKubeconfig(ctx, peer, s.peerKubeconfig))
}

func (s *scene) writeKubeconfig(ctx context.Context, of *harness.Installation, path string) error {
	kubeconfig, err := of.Kubeconfig(ctx, s.cp.Client, s.cp.Admin.Host, s.cp.Admin.CAData)
	if err != nil {
		return err
	}
	return os.WriteFile(path, kubeconfig, 0o600)
}

// portal starts CAP.
func (s *scene) portal(ctx context.Context) error {
	accounts := map[string]string{}
	for i := range s.roles() {
		accounts[roleName(i)] = "111111111111"
	}
	var err error
	if s.cap, err = cap.New(cap.Options{Roles: accounts}); err != nil {
		return err
	}
	if err := s.cap.Start(); err != nil {
		return err
	}
	certificate, key, err := s.cap.ClientCertificate("operator")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"tls.crt": certificate, "tls.key": key, "ca.crt": s.cap.CAPEM()} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return harness.Ensure(ctx, s.cp.Client, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.installation.Namespace, Name: certificateName},
		Data:       map[string][]byte{"tls.crt": certificate, "tls.key": key, "ca.crt": s.cap.CAPEM()},
	})
}

// roles is the number of roles: ten Secrets share one, as in a large cluster.
func (s *scene) roles() int { return min(max(2, s.secrets/10), mostRoles) }

func roleName(i int) string { return fmt.Sprintf("role-%02d", i) }

// layOut names the Secrets and creates the namespaces, the operator's sets and the task of the other programs. All Secrets of a role are
// in one set, so that each role is requested once.
func (s *scene) layOut(ctx context.Context) error {
	query := s.cap.Query(cap.C2S, roleName(0))
	for i := range (s.secrets + perSet - 1) / perSet {
		s.sets = append(s.sets, &v1alpha1.CAPCredentialSet{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("cap-", i)},
			Spec: v1alpha1.CAPCredentialSetSpec{
				Endpoint: v1alpha1.CAPEndpoint{
					URL: s.cap.Endpoint(cap.C2S), Agency: query.Get("agency"), Mission: query.Get("mission"),
					ClientCertificateSecretRef: v1alpha1.LocalReference{Name: certificateName},
				},
			},
		})
	}
	sets := map[string][]string{}
	for i := range s.secrets {
		ref := types.NamespacedName{Namespace: fmt.Sprintf("component-%03d", i/len(names)), Name: names[i%len(names)]}
		number := i % s.roles()
		set := s.sets[number%len(s.sets)]
		set.Spec.Secrets = append(set.Spec.Secrets, v1alpha1.SecretRole{
			SecretReference: v1alpha1.SecretReference{Namespace: ref.Namespace, Name: ref.Name}, Role: roleName(number),
		})
		if roles := sets[set.Name]; !slices.Contains(roles, roleName(number)) {
			sets[set.Name] = append(roles, roleName(number))
		}
		s.refs = append(s.refs, ref)
		s.byRole[roleName(number)] = append(s.byRole[roleName(number)], ref)
	}
	query.Del("role")
	task, err := json.Marshal(map[string]any{
		"url": s.cap.Endpoint(cap.C2S) + "?" + query.Encode(), "secrets": s.byRole, "sets": sets,
		"certificate": filepath.Join(s.dir, "tls.crt"), "key": filepath.Join(s.dir, "tls.key"), "ca": filepath.Join(s.dir, "ca.crt"),
	})
	if err != nil {
		return err
	}
	s.task = filepath.Join(s.dir, "task.json")
	if err := os.WriteFile(s.task, task, 0o600); err != nil {
		return err
	}
	return parallel(ctx, (s.secrets+len(names)-1)/len(names), func(ctx context.Context, i int) error {
		return harness.CreateNamespace(ctx, s.cp.Client, s.refs[i*len(names)].Namespace)
	})
}

// crowd creates the foreign Secrets, half of them in the targets' namespaces.
func (s *scene) crowd(ctx context.Context) error {
	if s.foreign == 0 {
		return nil
	}
	if err := harness.CreateNamespace(ctx, s.cp.Client, "foreign"); err != nil {
		return err
	}
	content := make([]byte, foreignSize)
	_, _ = rand.Read(content) // never fails, by its documentation
	return parallel(ctx, s.foreign, func(ctx context.Context, i int) error {
		namespace := "foreign"
		if i%2 == 0 {
			namespace = s.refs[i%len(s.refs)].Namespace
		}
		return s.cp.Client.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("foreign-%05d", i)}, Data: map[string][]byte{"content": content},
		})
	})
}

// look finds the servers and starts to watch the Secrets.
func (s *scene) look(ctx context.Context) error {
	found, err := children()
	if err != nil {
		return err
	}
	s.servers = map[string]int{}
	for _, name := range []string{"kube-apiserver", "etcd"} {
		if s.servers[name] = found[name]; found[name] == 0 {
			return fmt.Errorf("there is no process of %s", name)
		}
	}
	s.watch, err = newWatch(ctx, s.cp.Admin, s.refs)
	return err
}

// ask asks for work in the way of the operator's users, whichever program does it: what that costs the servers is in all figures alike.
func (s *scene) ask(ctx context.Context, what phase) error {
	s.asked = time.Now().Truncate(time.Second)
	request := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.RefreshRequestedAnnotation, s.asked.UTC().Format(time.RFC3339))
	for _, set := range s.sets {
		var err error
		if what == fill {
			err = s.cp.Client.Create(ctx, set.DeepCopy())
		} else {
			err = s.cp.Client.Patch(ctx, set.DeepCopy(), client.RawPatch(types.MergePatchType, request))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// empty deletes the sets and the target Secrets before the next turn.
func (s *scene) empty(ctx context.Context) error {
	for _, set := range s.sets {
		if err := s.cp.Client.Delete(ctx, set.DeepCopy()); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	there := s.watch.there()
	return parallel(ctx, len(there), func(ctx context.Context, i int) error {
		return s.cp.Client.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: there[i].Namespace, Name: there[i].Name}})
	})
}

// parallel calls f for 0 to n-1, a few at a time.
func parallel(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i := range n {
		group.Go(func() error { return f(ctx, i) })
	}
	return group.Wait()
}
