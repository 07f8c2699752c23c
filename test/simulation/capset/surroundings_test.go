package capset

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// What the cluster is beside sets and Secrets: rights, the next release, and the CronJob that the operator replaces.

// encryptedKey is a private key that needs a passphrase, as far as anybody can see.
const encryptedKey = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"

// important are the fields that change most of what happens.
var important = []string{"verification.sts", "endpoint.proxy", "upgrade.prepare.name", "createMissingSecrets", "suspend", "credentialsRequests.defaultRole", "credentialsRequests.secretRoleKey", "restartTargets.name"}

func (c *cluster) editImportant() {
	path, name := pick(c.w, important...), pick(c.w, setNames...)
	c.w.Say("somebody edits spec.%s of %s", path, name)
	c.edit(name, func(o *v1alpha1.CAPCredentialSet) { mutators[path](c.w, &o.Spec) })
}

func (c *cluster) changeRights() {
	c.Forbidden = pick(c.w, "", "", "patch *v1.Secret "+machines.Namespace, stage.ApplyNew+" *v1.Secret", "patch *v1.Deployment", "create *v1.Secret")
	c.w.Say("no right to %s", c.Forbidden)
}

// brandNew is a CredentialsRequest of the next release alone.
const brandNew = "brand-new"

// changeRelease puts the CredentialsRequests of the next release into a ConfigMap, or something else.
func (c *cluster) changeRelease() {
	w := c.w
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "next"}}
	must(client.IgnoreNotFound(c.API.Delete(quietly, m.DeepCopy())))
	switch w.Roll(5) {
	case 0:
		return
	case 1:
		m.Data = map[string]string{"requests.yaml": "not: [valid"}
	default:
		var documents []string
		for _, name := range []string{"machines", "registry", brandNew} {
			if !w.Odds(3) {
				documents = append(documents, requestText(name))
			}
		}
		m.Data = map[string]string{"requests.yaml": strings.Join(documents, "---\n")}
	}
	must(c.API.Create(quietly, m))
	c.edit("payload", func(o *v1alpha1.CAPCredentialSet) {
		o.Spec.Upgrade = &v1alpha1.UpgradeSpec{Prepare: &v1alpha1.LocalReference{Name: "next"}}
		r := o.Spec.CredentialsRequests
		if r == nil {
			return
		}
		switch w.Roll(4) {
		case 0:
			r.DefaultRole = pick(w, "", unknownRole)
		case 1, 2: // one that no Secret has yet
			r.Roles = slices.DeleteFunc(slices.Clone(r.Roles), func(of v1alpha1.RequestRole) bool { return of.Name == brandNew })
			r.Roles = append(r.Roles, v1alpha1.RequestRole{Name: brandNew, Role: pick(w, roles[2], unknownRole)})
		}
	})
}

func requestText(name string) string {
	return fmt.Sprintf(`apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata:
  namespace: %s
  name: %s
spec:
  secretRef: {namespace: %s, name: aws}
  providerSpec: {apiVersion: cloudcredential.openshift.io/v1, kind: AWSProviderSpec}
`, payload, name, name)
}

var cronJob = types.NamespacedName{Namespace: "openshift-config", Name: "cap-token-refresh"}

func (c *cluster) changeCronJob() {
	if c.w.Odds(3) {
		c.deleteCronJob()
		return
	}
	c.putNamespace(cronJob.Namespace)
	c.replace(object("batch", "v1", "CronJob", cronJob.Namespace, cronJob.Name, map[string]any{"schedule": "0 * * * *"}))
}

func (c *cluster) deleteCronJob() {
	_ = c.API.Delete(quietly, object("batch", "v1", "CronJob", cronJob.Namespace, cronJob.Name, nil))
}
