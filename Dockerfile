# luma-proxy as an image: the compiled program on any base with glibc. The context is a folder that holds the program:
# `bun scripts/build-proxy-image.ts` makes both, without pulling anything unless a base is named.
ARG BASE=debian:12-slim
FROM ${BASE}
WORKDIR /app
COPY luma-proxy ./luma-proxy
EXPOSE 80 443
VOLUME /etc/luma-proxy
STOPSIGNAL SIGTERM
ENTRYPOINT ["./luma-proxy"]
CMD ["run"]
