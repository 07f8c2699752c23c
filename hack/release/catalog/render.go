package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"
)

// csvMetadata are the fields of a ClusterServiceVersion that opm render copies to a catalog.
var csvMetadata = []string{"apiServiceDefinitions", "description", "displayName", "installModes", "keywords", "labels", "links", "maintainers", "maturity", "minKubeVersion", "provider"}

// object is a manifest of the bundle.
type object struct {
	Kind     string
	Metadata struct {
		Name        string
		Annotations map[string]string
		Labels      map[string]string
	}
	Spec map[string]any
}

// Render returns a bundle's object in the catalog, as opm render does.
func Render(bundleDir, bundleImage string) (Object, error) {
	files, err := filepath.Glob(filepath.Join(bundleDir, "manifests", "*.yaml"))
	if err != nil {
		return Object{}, err
	}
	b := Object{Schema: schemaBundle, Image: bundleImage}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return Object{}, err
		}
		var o object
		if err := yaml.Unmarshal(raw, &o); err != nil {
			return Object{}, fmt.Errorf("%s: %w", file, err)
		}
		switch o.Kind {
		case "ClusterServiceVersion":
			if err := b.ofCSV(o); err != nil {
				return Object{}, err
			}
		case "CustomResourceDefinition":
			b.Properties = append(b.Properties, kinds(o)...)
		}
	}
	if b.Name == "" {
		return Object{}, fmt.Errorf("%s has no ClusterServiceVersion", bundleDir)
	}
	return b.named(bundleDir)
}

// named takes the package from the bundle's annotations.
func (o Object) named(bundleDir string) (Object, error) {
	raw, err := os.ReadFile(filepath.Join(bundleDir, "metadata", "annotations.yaml"))
	if err != nil {
		return Object{}, err
	}
	var metadata struct{ Annotations map[string]string }
	if err := yaml.Unmarshal(raw, &metadata); err != nil {
		return Object{}, err
	}
	o.Package = metadata.Annotations["operators.operatorframework.io.bundle.package.v1"]
	for i, p := range o.Properties {
		if p.Type == "olm.package" {
			o.Properties[i].Value = map[string]any{"packageName": o.Package, "version": p.Value}
		}
	}
	if err := o.addProperties(filepath.Join(bundleDir, "metadata", "properties.yaml")); err != nil {
		return Object{}, err
	}
	slices.SortStableFunc(o.Properties, func(a, b Property) int { return propertyOrder(a) - propertyOrder(b) })
	return o, nil
}

// addProperties copies the bundle's own properties, such as which manifests are optional.
func (o *Object) addProperties(file string) error {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var stated struct{ Properties []Property }
	if err := yaml.Unmarshal(raw, &stated); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	o.Properties = append(o.Properties, stated.Properties...)
	return nil
}

func propertyOrder(p Property) int {
	return slices.Index([]string{"olm.gvk", "olm.package", "olm.manifests.optional", "olm.csv.metadata"}, p.Type)
}

func (o *Object) ofCSV(csv object) error {
	o.Name = csv.Metadata.Name
	metadata := map[string]any{"annotations": csv.Metadata.Annotations, "labels": csv.Metadata.Labels, "crdDescriptions": csv.Spec["customresourcedefinitions"]}
	for _, field := range csvMetadata {
		if value, ok := csv.Spec[field]; ok {
			metadata[field] = value
		}
	}
	o.Properties = append(o.Properties, Property{"olm.package", csv.Spec["version"]}, Property{"olm.csv.metadata", asJSON(metadata)})
	related, _ := csv.Spec["relatedImages"].([]any)
	o.RelatedImages = append(o.RelatedImages, RelatedImage{Image: o.Image})
	for _, r := range related {
		image, _ := r.(map[string]any)
		name, _ := image["name"].(string)
		ref, _ := image["image"].(string)
		if ref == "" {
			return fmt.Errorf("%s has a related image without a name", o.Name)
		}
		o.RelatedImages = append(o.RelatedImages, RelatedImage{Name: name, Image: ref})
	}
	return nil
}

func kinds(crd object) []Property {
	names, _ := crd.Spec["names"].(map[string]any)
	versions, _ := crd.Spec["versions"].([]any)
	var all []Property
	for _, v := range versions {
		version, _ := v.(map[string]any)
		all = append(all, Property{"olm.gvk", map[string]any{"group": crd.Spec["group"], "kind": names["kind"], "version": version["name"]}})
	}
	return all
}
