package install

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

const suggested = "openshift-credential-rotation-operator"

// uninstallCommands are the blocks of the page's section about uninstalling, in order.
func uninstallCommands(t *testing.T) []string {
	t.Helper()
	blocks, err := harness.PageBlocks("installing.md")
	must(t, err)
	var commands []string
	for _, b := range blocks {
		if b.Heading == "Uninstalling" {
			commands = append(commands, b.Text)
		}
	}
	if len(commands) < 4 {
		t.Fatalf("only %d blocks of commands were found: the extraction is broken", len(commands))
	}
	return commands
}

// runAsAPerson runs commands of the page; oc is kubectl, which has these commands too.
func runAsAPerson(t *testing.T, commands []string) {
	t.Helper()
	if cp.Kubectl == "" {
		t.Fatal("there is no kubectl beside the API server")
	}
	dir := t.TempDir()
	must(t, os.Symlink(cp.Kubectl, filepath.Join(dir, "oc")))
	must(t, os.WriteFile(filepath.Join(dir, "kubeconfig"), cp.AdminKubeconfig, 0o600))
	for _, command := range commands {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", command)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "KUBECONFIG=" + filepath.Join(dir, "kubeconfig")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s%s", err, command, out)
		}
	}
}

// rights are the rights of a service account in its namespace, sorted, because the API server returns them in no order.
func rights(t *testing.T, name string) authorizationv1.SubjectRulesReviewStatus {
	t.Helper()
	config := rest.CopyConfig(cp.Admin)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + suggested + ":" + name,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + suggested, "system:authenticated"},
	}
	c, err := client.New(config, client.Options{Scheme: cp.Scheme})
	must(t, err)
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: suggested}}
	must(t, c.Create(t.Context(), review))
	slices.SortFunc(review.Status.ResourceRules, inOrder[authorizationv1.ResourceRule])
	slices.SortFunc(review.Status.NonResourceRules, inOrder[authorizationv1.NonResourceRule])
	return review.Status
}

func inOrder[rule any](a, b rule) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }

// way is a way to install, with its own part of the page.
type way struct {
	name    string
	install func(context.Context) (*harness.Installation, error)
	// skip is the index of the other way's block.
	skip string
	// undo does what the Operator Lifecycle Manager or make undeploy does.
	undo func()
}

func ways(t *testing.T) []way {
	olm := metav1.ObjectMeta{Name: "credential-rotation-operator.v0.1.0"}
	return []way{
		{"from OLM", func(ctx context.Context) (*harness.Installation, error) {
			i, err := harness.InstallBundle(ctx, cp.Client, suggested)
			subscribe(t)
			return i, err
		}, "nothing", func() {
			// Its own objects are removed with the ClusterServiceVersion.
			remove(t, &rbacv1.ClusterRole{ObjectMeta: olm}, &rbacv1.ClusterRoleBinding{ObjectMeta: olm})
		}},
		{"by kustomize", func(ctx context.Context) (*harness.Installation, error) {
			return harness.InstallOperator(ctx, cp.Client)
		}, "subscription", func() {}},
	}
}

// subscribe creates the objects of an installation by the Operator Lifecycle Manager.
func subscribe(t *testing.T) {
	t.Helper()
	for kind, status := range map[string]map[string]any{"Subscription": {"installedCSV": "credential-rotation-operator"}, "ClusterServiceVersion": {}} {
		must(t, cp.Client.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "operators.coreos.com/v1alpha1", "kind": kind, "status": status,
			"metadata": map[string]any{"namespace": suggested, "name": "credential-rotation-operator"},
		}}))
	}
}

func TestUninstalling_LeavesNoRightForAServiceAccountOfTheSameName(t *testing.T) {
	must(t, cp.InstallSchemalessKinds("operators.coreos.com", "v1alpha1", map[string]string{"subscriptions": "Subscription", "clusterserviceversions": "ClusterServiceVersion"}))
	t.Cleanup(func() { bringBackOurKinds(t) })
	for _, way := range ways(t) {
		t.Run(way.name, func(t *testing.T) {
			bringBackOurKinds(t)
			installation, err := way.install(t.Context())
			must(t, err)
			harness.Eventually(t, "the installed operator has rights; otherwise the test proves nothing", func(context.Context) error {
				if cmp.Equal(rights(t, installation.ServiceAccount), rights(t, "stranger")) {
					return errMissing
				}
				return nil
			})
			rotation := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "mine"}}
			rotation.Spec.Mode, rotation.Spec.RotateAfter = v1alpha1.ModeAudit, &metav1.Time{Time: time.Unix(1767225600, 0)}
			rotation.Spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: "ocm"}
			must(t, cp.Client.Create(t.Context(), rotation))

			runAsAPerson(t, slices.DeleteFunc(uninstallCommands(t), func(block string) bool { return strings.Contains(block, way.skip) }))
			way.undo()
			finalize(t, suggested)

			// The API server's authorizer watches roles and bindings, and notices their deletion a moment later.
			harness.Eventually(t, "a service account of that name has only the rights of any other", func(context.Context) error {
				if diff := cmp.Diff(rights(t, "stranger"), rights(t, installation.ServiceAccount)); diff != "" {
					return fmt.Errorf("-any other +it:\n%s", diff)
				}
				return nil
			})
			if err := cp.Client.Get(t.Context(), client.ObjectKeyFromObject(serviceAccountOf(installation)), &corev1.ServiceAccount{}); !apierrors.IsNotFound(err) {
				t.Errorf("the service account still exists: %v", err)
			}
			eventuallyWithoutOurKinds(t)
		})
	}
}

func eventuallyWithoutOurKinds(t *testing.T) {
	t.Helper()
	c, err := client.New(cp.Admin, client.Options{Scheme: crdScheme})
	must(t, err)
	harness.Eventually(t, "our kinds are gone", func(ctx context.Context) error {
		crds := &apiextensionsv1.CustomResourceDefinitionList{}
		if err := c.List(ctx, crds); err != nil {
			return err
		}
		if slices.ContainsFunc(crds.Items, func(crd apiextensionsv1.CustomResourceDefinition) bool {
			return crd.Spec.Group == v1alpha1.GroupVersion.Group
		}) {
			return errStillThere
		}
		return nil
	})
}

// finalize does what the namespace controller does at the end, but without deleting the namespace's objects, so that the test checks more
// than in a cluster.
func finalize(t *testing.T, name string) {
	t.Helper()
	namespace := &corev1.Namespace{}
	must(t, cp.Client.Get(t.Context(), client.ObjectKey{Name: name}, namespace))
	if namespace.DeletionTimestamp == nil {
		t.Fatalf("the namespace %s is not being deleted", name)
	}
	namespace.Spec.Finalizers = nil
	must(t, cp.Client.SubResource("finalize").Update(t.Context(), namespace))
}

// bringBackOurKinds restores the kinds for the next test.
func bringBackOurKinds(t *testing.T) {
	t.Helper()
	root, err := harness.RepositoryRoot()
	must(t, err)
	_, err = envtest.InstallCRDs(cp.Admin, envtest.CRDInstallOptions{Paths: []string{filepath.Join(root, "config", "crd", "bases")}})
	must(t, err)
}
