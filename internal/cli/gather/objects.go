package gather

import (
	"context"
	"fmt"
	"path"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

const ownGroup = "rotation.openshift.io"

// kind is one kind of objects to collect: all of them, or those with a label.
type kind struct {
	group, version, resource string
	// selector narrows by labels.
	selector string
	// only narrows by name.
	only string
}

func (k kind) gvr() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.group, Version: k.version, Resource: k.resource}
}

const labelled = "app.kubernetes.io/name=" + product

// ofTheCluster are our kinds, and the facts that decisions use.
var ofTheCluster = []kind{
	{group: ownGroup, version: "v1alpha1", resource: "pullsecretrotations"},
	{group: ownGroup, version: "v1alpha1", resource: "capcredentialsets"},
	{group: "apiextensions.k8s.io", version: "v1", resource: "customresourcedefinitions", only: "pullsecretrotations." + ownGroup},
	{group: "apiextensions.k8s.io", version: "v1", resource: "customresourcedefinitions", only: "capcredentialsets." + ownGroup},
	{group: "config.openshift.io", version: "v1", resource: "clusterversions"},
	{group: "config.openshift.io", version: "v1", resource: "infrastructures"},
	{group: "config.openshift.io", version: "v1", resource: "proxies"},
	{group: "config.openshift.io", version: "v1", resource: "apiservers"},
	{group: "operator.openshift.io", version: "v1", resource: "cloudcredentials"},
	{group: "operator.openshift.io", version: "v1", resource: "machineconfigurations"},
	{group: "machineconfiguration.openshift.io", version: "v1", resource: "machineconfigpools"},
	{group: "cloudcredential.openshift.io", version: "v1", resource: "credentialsrequests"},
	{group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterroles", selector: labelled},
	{group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterrolebindings", selector: labelled},
	{group: "olm.operatorframework.io", version: "v1", resource: "clusterextensions"},
}

// ofItsNamespace are the objects around the operator's pods.
var ofItsNamespace = []kind{
	{group: "apps", version: "v1", resource: "deployments", selector: labelled},
	{version: "v1", resource: "services", selector: labelled},
	{group: "policy", version: "v1", resource: "poddisruptionbudgets", selector: labelled},
	{group: "rbac.authorization.k8s.io", version: "v1", resource: "roles", only: product},
	{group: "rbac.authorization.k8s.io", version: "v1", resource: "rolebindings", only: product},
	{group: "coordination.k8s.io", version: "v1", resource: "leases", only: product},
	{group: "networking.k8s.io", version: "v1", resource: "networkpolicies"},
	{group: "monitoring.coreos.com", version: "v1", resource: "servicemonitors"},
	{group: "monitoring.coreos.com", version: "v1", resource: "prometheusrules"},
	{group: "operators.coreos.com", version: "v1alpha1", resource: "subscriptions"},
	{group: "operators.coreos.com", version: "v1alpha1", resource: "clusterserviceversions"},
	{group: "operators.coreos.com", version: "v1alpha1", resource: "installplans"},
	{group: "operators.coreos.com", version: "v1", resource: "operatorgroups"},
}

// list collects the objects of a kind. A kind that the cluster lacks, or that the caller may not read, is recorded as missing.
func (g *gatherer) list(ctx context.Context, k kind, namespace string) ([]map[string]any, error) {
	o := metav1.ListOptions{LabelSelector: k.selector}
	if k.only != "" {
		o.FieldSelector = "metadata.name=" + k.only
	}
	list, err := g.objects.Resource(k.gvr()).Namespace(namespace).List(ctx, o)
	if err != nil {
		if !apierrors.IsNotFound(err) || k.group == ownGroup {
			g.miss(k.resource+"."+k.group, err)
		}
		return nil, ctx.Err()
	}
	var all []map[string]any
	for i := range list.Items {
		object := &list.Items[i]
		all = append(all, object.Object)
		if err := g.object(k, object); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// object writes one object, without the copy of itself that kubectl apply leaves in an annotation.
func (g *gatherer) object(k kind, o *unstructured.Unstructured) error {
	if o.GetKind() == "Secret" {
		return fmt.Errorf("the content of the Secret %s/%s must not be collected", o.GetNamespace(), o.GetName())
	}
	o.SetAnnotations(withoutLastApplied(o.GetAnnotations()))
	raw, err := yaml.Marshal(o.Object)
	if err != nil {
		return err
	}
	folder := "cluster-scoped-resources"
	if o.GetNamespace() != "" {
		folder = path.Join("namespaces", o.GetNamespace())
	}
	return g.write(path.Join(folder, groupFolder(k.group), k.resource, o.GetName()+".yaml"), raw)
}

// groupFolder is the name of a group as must-gather has it.
func groupFolder(group string) string {
	if group == "" {
		return "core"
	}
	return group
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func withoutLastApplied(annotations map[string]string) map[string]string {
	delete(annotations, lastApplied)
	return annotations
}
