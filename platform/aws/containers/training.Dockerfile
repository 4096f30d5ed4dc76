FROM public.ecr.aws/docker/library/node:24-slim
WORKDIR /training
COPY . .
USER node
ENTRYPOINT ["node", "/training/index.mjs"]
