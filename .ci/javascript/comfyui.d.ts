/** The part of ComfyUI's front end that plugin/…/soart.js uses; ComfyUI serves it at run time. */
declare module "*/scripts/app.js" {
  interface NodeType {
    prototype: { onExecuted?: (this: any, output: any, ...rest: unknown[]) => void };
  }

  interface Extension {
    name: string;
    beforeRegisterNodeDef?(nodeType: NodeType, nodeData: { name: string }): Promise<void>;
  }

  export const app: {
    graph: { setDirtyCanvas(foreground: boolean, background: boolean): void };
    registerExtension(extension: Extension): void;
  };
}
