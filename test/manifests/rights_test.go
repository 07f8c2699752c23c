package manifests

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/openshift/credential-rotation-operator/config"
)

// role is a Role or a ClusterRole of install.yaml.
type role struct {
	kind, name string
	rules      []rbacv1.PolicyRule
}

func roles(t *testing.T) []role {
	t.Helper()
	objects, err := decode(config.Install())
	if err != nil {
		t.Fatal(err)
	}
	var all []role
	for _, object := range objects {
		if kind := object.GetKind(); kind != "Role" && kind != "ClusterRole" {
			continue
		}
		// Both have the same fields.
		r := &rbacv1.ClusterRole{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, r); err != nil {
			t.Fatal(err)
		}
		all = append(all, role{object.GetKind(), r.Name, r.Rules})
	}
	if len(all) < 3 {
		t.Fatalf("only %d roles found", len(all))
	}
	return all
}

func TestRights_HaveNoWildcardAndNoEscalation(t *testing.T) {
	for _, r := range roles(t) {
		for _, rule := range r.rules {
			for _, word := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.ResourceNames, rule.NonResourceURLs) {
				if word == "*" {
					t.Errorf("%s %s has a wildcard: %v", r.kind, r.name, rule)
				}
			}
			for _, verb := range []string{"escalate", "bind", "impersonate"} {
				if slices.Contains(rule.Verbs, verb) {
					t.Errorf("%s %s allows %s", r.kind, r.name, verb)
				}
			}
		}
	}
}

// granted are all intended rights of the operator, except those on Secrets outside of its own namespace: verbs by the kind of role, the
// resource and, where it is granted by name, the names. New rights must be added here.
var granted = map[string]string{
	"ClusterRole pullsecretrotations":                              "get list watch",
	"ClusterRole capcredentialsets":                                "get list watch",
	"ClusterRole pullsecretrotations/status":                       "patch",
	"ClusterRole capcredentialsets/status":                         "patch",
	"ClusterRole clusterversions [version]":                        "get",
	"ClusterRole infrastructures [cluster]":                        "get",
	"ClusterRole proxies [cluster]":                                "get list watch",
	"ClusterRole apiservers [cluster]":                             "get list watch",
	"ClusterRole machineconfigpools":                               "list",
	"ClusterRole machineconfignodes":                               "list",
	"ClusterRole machineconfigurations [cluster]":                  "get",
	"ClusterRole credentialsrequests":                              "list watch",
	"ClusterRole cloudcredentials [cluster]":                       "list watch",
	"ClusterRole configmaps [cloud-credential-operator-config]":    "list watch",
	"ClusterRole configmaps [kube-cloud-config trusted-ca-bundle]": "get",
	"ClusterRole namespaces":                                       "list watch",
	"ClusterRole cronjobs [cap-token-refresh]":                     "list watch",
	"ClusterRole events":                                           "create patch",
	"ClusterRole tokenreviews":                                     "create",
	"ClusterRole subjectaccessreviews":                             "create",
	"Role secrets":                                                 "get list watch create update delete",
	"Role configmaps":                                              "get",
	"Role pods":                                                    "list create delete",
	"Role leases":                                                  "get watch create update",
	"Role servicemonitors [credential-rotation-operator]":          "get patch",
}

func TestRights_AreExactlyTheIntendedOnes(t *testing.T) {
	got := map[string]string{}
	for _, r := range roles(t) {
		// Roles for users cover only our own kinds.
		if strings.HasPrefix(r.name, "rotation.openshift.io-") {
			continue
		}
		for _, rule := range r.rules {
			for _, resource := range rule.Resources {
				what := r.kind + " " + resource
				if len(rule.ResourceNames) > 0 {
					what += fmt.Sprintf(" %v", rule.ResourceNames)
				}
				if r.kind == "Role" || resource != "secrets" {
					got[what] = strings.TrimSpace(got[what] + " " + strings.Join(rule.Verbs, " "))
				}
			}
		}
	}
	if diff := cmp.Diff(granted, got); diff != "" {
		t.Errorf("the rights differ (-intended +granted):\n%s", diff)
	}
}

func TestRights_NameEachSecretOutsideTheOwnNamespace(t *testing.T) {
	for _, r := range roles(t) {
		for _, rule := range r.rules {
			if r.kind != "ClusterRole" || !slices.Contains(rule.Resources, "secrets") {
				continue
			}
			if len(rule.ResourceNames) == 0 {
				t.Errorf("ClusterRole %s allows %v on every Secret of the cluster", r.name, rule.Verbs)
			}
			if slices.Contains(rule.Verbs, "delete") || slices.Contains(rule.Verbs, "deletecollection") {
				t.Errorf("ClusterRole %s allows the deletion of other Secrets", r.name)
			}
		}
	}
}

// payloadSecrets are the Secrets of the AWS CredentialsRequests of OpenShift's release payload and of the EFS add-on.
var payloadSecrets = []client.ObjectKey{
	{Namespace: "openshift-cloud-credential-operator", Name: "cloud-credential-operator-iam-ro-creds"},
	{Namespace: "openshift-cluster-csi-drivers", Name: "ebs-cloud-credentials"},
	{Namespace: "openshift-image-registry", Name: "installer-cloud-credentials"},
	{Namespace: "openshift-ingress-operator", Name: "cloud-credentials"},
	{Namespace: "openshift-machine-api", Name: "aws-cloud-credentials"},
	{Namespace: "openshift-cloud-network-config-controller", Name: "cloud-credentials"},
	{Namespace: "openshift-cluster-api", Name: "capa-manager-bootstrap-credentials"},
	{Namespace: "openshift-cluster-csi-drivers", Name: "aws-efs-cloud-credentials"},
	{Namespace: "openshift-cluster-csi-drivers", Name: "node-aws-efs-cloud-credentials"},
}

func applySecret(ctx context.Context, c client.Client, key client.ObjectKey, value string) error {
	secret := corev1apply.Secret(key.Name, key.Namespace).WithType(corev1.SecretTypeOpaque).WithStringData(map[string]string{"k": value})
	return c.Apply(ctx, secret, client.FieldOwner("credential-rotation-operator"))
}

func TestRights_SufficeForTheSecretsOfThePayload(t *testing.T) {
	operator := asOperator(t)
	for _, key := range payloadSecrets {
		t.Run(key.String(), func(t *testing.T) {
			newNamespace(t, key.Namespace)
			if err := applySecret(t.Context(), operator, key, "created"); err != nil {
				t.Errorf("a missing Secret cannot be created: %v", err)
			}
			if err := applySecret(t.Context(), operator, key, "changed"); err != nil {
				t.Errorf("the Secret cannot be changed: %v", err)
			}
			var list corev1.SecretList
			err := operator.List(t.Context(), &list, client.InNamespace(key.Namespace), client.MatchingFields{"metadata.name": key.Name})
			if err != nil || len(list.Items) != 1 {
				t.Errorf("it cannot be listed by its name: %v", err)
			}
		})
	}
}

func TestRights_SufficeForThePullSecret(t *testing.T) {
	operator := asOperator(t)
	key := client.ObjectKey{Namespace: "openshift-config", Name: "pull-secret"}
	newNamespace(t, key.Namespace)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{}}`)},
	}
	if err := server.admin.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if err := operator.Get(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	// The resourceVersion in the patch is a precondition.
	before := secret.DeepCopy()
	secret.Data[corev1.DockerConfigJsonKey] = []byte(`{"auths":{"a":{}}}`)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := operator.Patch(t.Context(), secret, patch); err != nil {
		t.Errorf("it cannot be changed: %v", err)
	}
	if err := operator.Delete(t.Context(), secret); !apierrors.IsForbidden(err) {
		t.Errorf("the pull secret can be deleted: %v", err)
	}
}

func TestRights_DoNotCoverOtherObjects(t *testing.T) {
	operator := asOperator(t)
	newNamespace(t, "somebody")
	other := client.ObjectKey{Namespace: "somebody", Name: "database-password"}
	var secret corev1.Secret
	var list corev1.SecretList
	posted := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "somebody", Name: "cloud-credentials"}}
	for what, err := range map[string]error{
		"read another Secret":              operator.Get(t.Context(), other, &secret),
		"create another Secret":            applySecret(t.Context(), operator, other, "x"),
		"list all Secrets":                 operator.List(t.Context(), &list),
		"list the Secrets of a namespace":  operator.List(t.Context(), &list, client.InNamespace("somebody")),
		"list another Secret by its name":  operator.List(t.Context(), &list, client.InNamespace("somebody"), client.MatchingFields{"metadata.name": other.Name}),
		"create with a generated name":     operator.Create(t.Context(), posted),
		"read another ConfigMap":           operator.Get(t.Context(), other, &corev1.ConfigMap{}),
		"change a Deployment":              operator.Patch(t.Context(), deployment(t), client.RawPatch("application/merge-patch+json", []byte(`{}`))),
		"list the ConfigMaps of a cluster": operator.List(t.Context(), &corev1.ConfigMapList{}),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("the operator may %s: %v", what, err)
		}
	}
}

func TestRights_SufficeInTheOwnNamespace(t *testing.T) {
	operator := asOperator(t)
	backup := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "backup"}}
	if err := operator.Create(t.Context(), backup); err != nil {
		t.Fatalf("no backup can be written: %v", err)
	}
	backup.Data = map[string][]byte{"k": []byte("v")}
	if err := operator.Update(t.Context(), backup); err != nil {
		t.Errorf("a backup cannot be written again: %v", err)
	}
	if err := operator.List(t.Context(), &corev1.SecretList{}, client.InNamespace(namespace)); err != nil {
		t.Errorf("backups cannot be listed: %v", err)
	}
	if err := operator.Delete(t.Context(), backup); err != nil {
		t.Errorf("an old backup cannot be removed: %v", err)
	}
}
