package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"

	"github.com/openshift/credential-rotation-operator/hack/release/catalog"
	"github.com/openshift/credential-rotation-operator/hack/release/dockerfile"
	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

const description = "Rotates the Red Hat pull secret of a cluster and refreshes the short-lived AWS credentials of a C2S or SC2S cluster."

// catalog adds the new bundle to the previous release's catalog, and writes the catalog and its image.
func (m *maker) catalog(ctx context.Context) error {
	c, err := m.before()
	if err != nil {
		return err
	}
	image, err := m.byDigest("bundle", m.facts.BundleImage)
	if err != nil {
		return err
	}
	bundle, err := catalog.Render(filepath.Join(m.out, "bundle"), image)
	if err != nil {
		return err
	}
	channels, err := m.facts.ChannelsOf(m.version)
	if err != nil {
		return err
	}
	if c, err = c.Add(bundle, channels); err != nil {
		return err
	}
	if err := m.writeCatalog(c); err != nil {
		return err
	}
	return m.catalogImage(ctx)
}

func (m *maker) before() (catalog.Catalog, error) {
	if m.from != "" {
		return catalog.Read(m.from)
	}
	icon, err := os.ReadFile(filepath.Join(m.root, "config", "manifests", "icon.svg"))
	return catalog.New(packageName, m.facts.DefaultChannel, description, icon), err
}

func (m *maker) writeCatalog(c catalog.Catalog) error {
	folder := filepath.Join(m.out, "catalog", packageName)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := c.Write(&out); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "catalog.yaml"), out.Bytes(), 0o644)
}

func (m *maker) catalogImage(ctx context.Context) error {
	stage, err := dockerfile.Read(filepath.Join(m.root, "hack/release/catalog.Dockerfile"), map[string]string{"BASE": m.catalogBase})
	if err != nil {
		return err
	}
	base, err := oci.BaseOf(ctx, stage.Base)
	if err != nil {
		return err
	}
	index, err := oci.Build{Stage: stage, Context: m.out, Created: m.facts.CreatedAt, Base: base}.Index(m.platforms)
	if err != nil {
		return err
	}
	digest, err := oci.Write(m.layout("catalog"), m.tag(), index)
	if err != nil {
		return err
	}
	tell("image", m.layout("catalog"), digest)
	return nil
}
