{{- define "sallyport.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: config
  configMap: {name: {{ include "sallyport.fullname" . }}-config, defaultMode: 0444}
- name: policy
  secret: {secretName: {{ include "sallyport.policySecret" . }}, defaultMode: 0440}
{{- with .Values.keyring.secretName }}
- name: keyring
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- if .Values.tls.enabled }}
- name: tls
  secret: {secretName: {{ include "sallyport.tlsSecret" . }}, defaultMode: 0440}
{{- end }}
{{- if .Values.tokenReview.enabled }}
- name: api-access
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap:
          name: kube-root-ca.crt
          items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- range .Values.mounts }}
- name: mount-{{ .name }}
  {{- if .secret }}
  secret: {secretName: {{ .secret }}, defaultMode: 0440}
  {{- else }}
  configMap: {name: {{ .configMap }}, defaultMode: 0444}
  {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
