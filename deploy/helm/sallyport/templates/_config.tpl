{{/* sallyport.yaml: what follows from other values, and .Values.config laid over it. */}}
{{- define "sallyport.config" -}}
{{- $listen := dict "addresses" (list (printf "0.0.0.0:%d" (int .Values.ports.grpc))) "max_connection_age" "15m" }}
{{- if .Values.tls.enabled }}
{{- $_ := set $listen "tls" (dict "cert" "/etc/sallyport/tls/tls.crt" "key" "/etc/sallyport/tls/tls.key") }}
{{- else }}
{{- $_ := set $listen "insecure" true }}
{{- end }}
{{- $data := dict "directory" "/var/lib/sallyport/data" }}
{{- if .Values.keyring.secretName }}
{{- $_ := set $data "keys" (printf "file:/etc/sallyport/keyring/%s" .Values.keyring.key) }}
{{- end }}
{{- $config := dict "listen" $listen "data" $data "policy" "/etc/sallyport/policy/policy.yaml" }}
{{- $_ := set $config "admin" (dict "address" (printf "0.0.0.0:%d" (int .Values.ports.admin))) }}
{{- $mine := deepCopy .Values.config }}
{{- if not $mine.upstreams }}
{{- $_ := set $mine "upstreams" (dict "payments" (dict "target" "dns:///payments-upstream.payments.svc.cluster.local:50052")) }}
{{- end }}
{{- if .Values.tokenReview.enabled }}
{{- $identity := default dict $mine.identity }}
{{- $_ := set $identity "oidc" (concat (list (include "sallyport.tokenReviewIssuer" . | fromYaml)) (default list $identity.oidc)) }}
{{- $_ := set $mine "identity" $identity }}
{{- end }}
{{- mergeOverwrite $config $mine | toYaml }}
{{- end }}

{{- define "sallyport.tokenReviewIssuer" -}}
issuer: {{ .Values.tokenReview.issuer | quote }}
audiences: [{{ .Values.tokenReview.audience | quote }}]
algorithms: [RS256]
{{- if .Values.tokenReview.issuerInCluster }}
ca: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
token_file: /var/run/secrets/kubernetes.io/serviceaccount/token
{{- end }}
types: [""]
max_lifetime: 2h
token_review:
  url: https://kubernetes.default.svc
  ca: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
  token_file: /var/run/secrets/kubernetes.io/serviceaccount/token
  cache: {{ .Values.tokenReview.cache }}
{{- end }}

{{/* Of a duration ("1m30s"), whole ones. */}}
{{- define "sallyport.seconds" -}}
{{- $from := toDate "2006-01-02" "1970-01-01" }}
{{- sub ($from | mustDateModify . | unixEpoch) ($from | unixEpoch) }}
{{- end }}

{{/* What values.schema.json cannot say. */}}
{{- define "sallyport.checkValues" -}}
{{- $drain := default dict .Values.config.drain }}
{{- if $drain.timeout }}
{{- fail "config.drain.timeout means nothing here: shutdown.grace (--grace) comes before it" }}
{{- end }}
{{- $delay := int (include "sallyport.seconds" (default "0s" $drain.delay)) }}
{{- with .Values.shutdown }}
{{- if le (int .total) (add (int .preStop) $delay (int .grace)) }}
{{- fail (printf "shutdown.total (%d s) has to be more than shutdown.preStop (%d s), config.drain.delay (%d s) and shutdown.grace (%d s) together: what is left is for closing the log" (int .total) (int .preStop) $delay (int .grace)) }}
{{- end }}
{{- end }}
{{- $data := default dict .Values.config.data }}
{{- if and (not .Values.keyring.secretName) (not $data.keys) }}
{{- fail "say where keys come from: keyring.secretName, or config.data.keys (exec: or env:)" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}
{{- end }}
{{- end }}
